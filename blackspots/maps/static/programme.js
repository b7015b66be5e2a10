// --- The programme: what is funded, and why the rest is not ----------------------------

const FIRST_WORKS = 100;
let unfundedShown = FIRST_WORKS;

function projectRow(project, reason) {
  const site = project.site === null ? null : sites[project.site];
  const chosen = project.row === state.project || (site && state.site === site.row);
  const open = (event) => {
    if (event.type === 'keydown' && event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    chooseProject(project.row, event.type === 'keydown');
  };
  return el('tr', { tabindex: '0', 'data-project': project.row, onclick: open, onkeydown: open,
    class: (project.funded ? 'is-funded ' : '') + (chosen ? 'is-chosen' : '') },
    el('td', { class: 'c-rank' }, site ? badgeIcon(site.kind, site.verdict, String(site.rank), site.funded) : figure(DASH)),
    el('td', { class: 'c-place' }, el('span', { class: 'two' },
      el('span', { class: 'first', text: workName(project) || DASH }),
      el('span', { class: 'second', text: [project.label, site ? null : t('programme.off-site')].filter(Boolean).join(' · ') }),
      reason ? el('span', { class: 'reason', text: term('why', project.why) }) : null)),
    el('td', { class: 'c-cost num' }, figure(money(project.cost))),
    el('td', { class: 'c-bcr num' }, figure(number(project.bcr, 1))),
    el('td', { class: 'c-npv num' }, figure(money(project.npv))),
    el('td', { class: 'c-saved num' }, figure(number(project.deaths_avoided, 2))));
}

function projectTable(rows, reason, caption) {
  const unit = moneyUnitShort();
  const head = (key, kind, small) => el('th', { scope: 'col', class: kind },
    el('span', { text: t('column.' + key) }), small ? el('span', { class: 'unit', text: small }) : null);
  return el('table', { class: 'works' }, el('caption', { class: 'sr', text: caption }),
    el('thead', {}, el('tr', {}, head('rank', 'c-rank'), head('work', 'c-place'), head('cost', 'c-cost num', unit),
      head('bcr', 'c-bcr num'), head('npv', 'c-npv num', unit), head('deaths-avoided', 'c-saved num', t('column.per-year')))),
    el('tbody', {}, ...rows.map((project) => projectRow(project, reason))));
}

function rankOfWork(project) { return project.site === null ? 1e9 : sites[project.site].rank; }

function heading(text, figures) {
  return el('h2', { class: 'group' }, el('span', { text }), el('span', { class: 'figures', text: figures }));
}

function workNumbers(rows) {
  const sum = total(rows.map((project) => project.row), projects.map((project) => project.cost));
  return t('programme.works', { n: number(rows.length) }) + (sum === null ? '' : ' · ' + money(sum) + ' ' + moneyUnit());
}

function listedProjects(funded) {
  return projects.filter((project) => Boolean(project.funded) === funded
    && (project.site === null ? state.area === '' && state.query === '' : sites[project.site].on))
    .sort((a, b) => rankOfWork(a) - rankOfWork(b) || a.row - b.row);
}

function renderProgramme() {
  const box = byId('programme');
  const funded = listedProjects(true);
  const rest = listedProjects(false);
  if (!projects.length) {
    clear(box, el('p', { class: 'nothing', text: t('no-projects') }));
    return;
  }
  const parts = [];
  if (META.budget === null && !funded.length) {
    parts.push(el('p', { class: 'nothing', text: t('programme.no-budget') }),
      heading(t('programme.candidates'), workNumbers(rest)));
  } else {
    const all = projects.filter((project) => project.funded);
    const spent = total(all.map((project) => project.row), projects.map((project) => project.cost)) || 0;
    if (META.budget) parts.push(budgetBar(spent));
    parts.push(heading(t('programme.funded'), workNumbers(funded)), projectTable(funded, false, t('programme.funded')),
      heading(t('programme.not-funded'), workNumbers(rest)));
  }
  parts.push(projectTable(rest.slice(0, unfundedShown), true, t('programme.not-funded')));
  if (rest.length > unfundedShown) {
    parts.push(el('button', { type: 'button', class: 'button more', text: t('more', { n: number(rest.length - unfundedShown) }),
      onclick: () => { unfundedShown = Infinity; renderProgramme(); } }));
  }
  clear(box, ...parts);
}

function budgetBar(spent) {
  const fillBar = el('span', { class: 'spent' });
  fillBar.style.width = Math.min(100, spent / META.budget * 100) + '%';
  return el('div', { class: 'budget' }, el('div', { class: 'track', 'aria-hidden': 'true' }, fillBar),
    el('p', {}, el('span', { text: t('summary.budget', { spent: money(spent), budget: money(META.budget), unit: moneyUnit() }) }),
      el('span', { text: t('programme.left', { money: money(META.budget - spent) }) })));
}

function chooseProject(row, focus) {
  const project = projects[row];
  if (project.site !== null) {
    chooseSite(project.site, { from: 'programme', focus });
    return;
  }
  closeSheet();
  state.project = row;
  for (const line of document.querySelectorAll('#programme tr[data-project]')) {
    line.classList.toggle('is-chosen', Number(line.dataset.project) === row);
  }
  scene.redraw();
  centreOn(project, 13.5);
  writeHash();
}
