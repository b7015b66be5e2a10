# ruff: noqa: E501 - a header row is a line
"""Headers that nearly read like known ones, in the header rows of registers of many offices."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pandas as pd
import pytest
from pyproj import CRS
from small_study import GRID, Row, crashes, write_rows

from blackspots.errors import BlackspotsError
from blackspots.sources import Findings, UnconfirmedHeaders, read_crashes
from blackspots.sources.columns import match
from blackspots.sources.crashes import Register
from blackspots.sources.proposals import propose
from blackspots.sources.raw import RawTable

TARGET = CRS(GRID)
PLACE = "Latitude|Longitude"

# Name of the register, its headers, and column = header of what must be proposed: no less, no more.
# Headers as published, or as forms of the police and of transport offices have them (from memory).
REGISTERS = [
    ("VN: n and h exchanged", "Ngày xẩy ra|Vĩ độ|Kinh độ|Số ngừoi chết|Số ngưoif bị thương", {"injured": "Số ngưoif bị thương"}),
    ("VN: cause with its crash", "Ngày|Vĩ độ|Kinh độ|Nguyên nhan tai nạn", {"cause": "Nguyên nhan tai nạn"}),
    ("VN: cause mistyped", "Ngày|Vĩ độ|Kinh độ|Nguyên nhâm", {"cause": "Nguyên nhâm"}),
    ("VN: x and y", "Ngày xảy ra|Toạ độ X|Toạ độ Y|Số người chết", {}),
    ("VN: x and y with their grid", "Ngày|TỌA ĐỘ (VN2000) X|TỌA ĐỘ (VN2000) Y", {"y": "TỌA ĐỘ (VN2000) X", "x": "TỌA ĐỘ (VN2000) Y"}),
    ("VN: x and y, grid behind", "Ngày|Tọa độ X VN2000|Tọa độ Y VN2000", {"y": "Tọa độ X VN2000", "x": "Tọa độ Y VN2000"}),
    ("VN: police", "TT|Ngày, tháng|Thời gian xảy ra|Địa điểm xảy ra|Tuyến đường xảy ra TN|Lý trình (Km)|Số vụ|Số người chết|Số người bị thương|Phương tiện gây tai nạn|Hình thức va chạm|Nguyên nhân ban đầu|Đơn vị thụ lý|Ngày lập hồ sơ|Cán bộ lập", {"route": "Tuyến đường xảy ra TN", "crash_type": "Hình thức va chạm"}),
    ("VN: transport", "Mã hồ sơ|Ngày nhập|Ngày xảy ra tai nạn|Huyện|Xã|Kinh độ|Vĩ độ|Mức độ thiệt hại|Số xe hư hỏng|Thiệt hại (triệu đồng)|Loại đường|Cấp đường", {"date": "Ngày xảy ra tai nạn"}),
    ("VN: without marks", "So ho so|Ngay xay ra|Gio xay ra|Vi do|Kinh do|So nguoi chet|So nguoi bi thuong|Nguyen nhan|Tuyen duong|Ly trinh", {}),
    ("VN: without marks, mistyped", "Ngay xay ra|Vi do|Kinh do|Nguyen nhna|So nguoi chte|Phuong tein", {"cause": "Nguyen nhna", "deaths": "So nguoi chte", "mode": "Phuong tein"}),
    ("VN: capitals and TNGT", "NGÀY XẢY RA TNGT|GIỜ XẢY RA TNGT|VĨ ĐỘ|KINH ĐỘ", {"date": "NGÀY XẢY RA TNGT", "hour": "GIỜ XẢY RA TNGT"}),
    ("VN: roads in brackets", "Ngày xảy ra|Tuyến đường (QL, TL)|Lý trình Km|Bị thương", {"route": "Tuyến đường (QL, TL)"}),
    ("VN: days of other things", "Ngày báo cáo|Ngày xét xử|Ngày khởi tố|Vĩ độ|Kinh độ", {}),
    ("VN: day of entry in months", "Ngày tháng nhập|Ngày tháng lập hồ sơ|Vĩ độ|Kinh độ", {}),
    ("VN: numbers of other things", "Ngày|Số phương tiện|Số người|Số người liên quan|Số vụ tai nạn|Số làn|Vĩ độ|Kinh độ", {}),
    ("VN: dead and injured in one", "Ngày|Vĩ độ|Kinh độ|Chết, bị thương|Chết/Bị thương", {}),
    ("VN: totals of persons", "Ngày|Vĩ độ|Kinh độ|Tổng số người chết|Tổng số người bị thương", {"deaths": "Tổng số người chết", "injured": "Tổng số người bị thương"}),
    ("VN: railway line", "Ngày|Tuyến đường sắt|Km|Loại tàu", {}),
    ("VN: train crash", "Ngày|Vĩ độ|Kinh độ|Tai nạn tàu hỏa", {"train_involved": "Tai nạn tàu hỏa"}),
    ("VN: kind of crash", "Ngày|Vĩ độ|Kinh độ|Loại tai nạn giao thông|Loại đường|Loại xe", {"crash_type": "Loại tai nạn giao thông"}),
    ("VN: directions", "Ngày|Vĩ độ|Kinh độ|Hướng tuyến|Hình dạng đường|Hướng đi", {}),
    ("VN: injuries in brackets", "Ngày|Vĩ độ|Kinh độ|Số người bị thương (nặng)|Số người bị thương (nhẹ)", {}),
    ("VN: property", "Ngày|Vĩ độ|Kinh độ|Thiệt hại tài sản|Giá trị thiệt hại|Mức phạt|Mức độ vi phạm", {}),
    ("VN: day and night", "Ngày/đêm|Ngày xảy ra vụ tai nạn|Vĩ độ|Kinh độ", {"date": "Ngày xảy ra vụ tai nạn"}),
    ("VN: hospital", "Ngày vào viện|Giờ vào viện|Ngày ra viện|Chẩn đoán|Tuyến trên", {}),
    ("VN: persons", "Ngày|Vĩ độ|Kinh độ|Họ tên lái xe|Biển số xe|Ngày sinh|Tuổi|Giới tính|Nồng độ cồn", {}),
    ("VN: district mistyped", "Ngày|Vĩ độ|Kinh độ|Quận/Huỵen", {}),
    ("UK: STATS19", "accident_index|accident_year|accident_reference|location_easting_osgr|location_northing_osgr|longitude|latitude|police_force|accident_severity|number_of_vehicles|number_of_casualties|date|day_of_week|time|local_authority_district|first_road_class|first_road_number|road_type|speed_limit|junction_detail|junction_control|second_road_class|second_road_number|light_conditions|weather_conditions|did_police_officer_attend_scene_of_accident", {}),
    ("UK: STATS19 casualties", "accident_index|vehicle_reference|casualty_reference|casualty_class|sex_of_casualty|age_of_casualty|casualty_severity|pedestrian_location|casualty_type", {}),
    ("UK: council", "Reference Number|Grid Ref: Easting|Grid Ref: Northing|Number of Vehicles|Accident Date|Time (24hr)|1st Road Class|Road Surface|Lighting Conditions|Weather Conditions|Casualty Class|Casualty Severity|Sex of Casualty|Type of Vehicle", {"mode": "Type of Vehicle"}),
    ("US: FARS", "STATE|ST_CASE|PEDS|PERNOTMVIT|VE_TOTAL|VE_FORMS|PERSONS|COUNTY|CITY|DAY|MONTH|YEAR|DAY_WEEK|HOUR|MINUTE|NHS|ROUTE|TWAY_ID|RUR_URB|FUNC_SYS|RD_OWNER|MILEPT|LATITUDE|LONGITUD|SP_JUR|HARM_EV|MAN_COLL|RELJCT1|TYP_INT|WRK_ZONE|LGT_COND|WEATHER|SCH_BUS|RAIL|NOT_HOUR|ARR_HOUR|HOSP_HR|FATALS", {"lon": "LONGITUD"}),
    ("US: Chicago", "CRASH_RECORD_ID|CRASH_DATE_EST_I|CRASH_DATE|POSTED_SPEED_LIMIT|TRAFFIC_CONTROL_DEVICE|DEVICE_CONDITION|WEATHER_CONDITION|LIGHTING_CONDITION|FIRST_CRASH_TYPE|TRAFFICWAY_TYPE|LANE_CNT|ROADWAY_SURFACE_COND|REPORT_TYPE|CRASH_TYPE|DAMAGE|DATE_POLICE_NOTIFIED|PRIM_CONTRIBUTORY_CAUSE|STREET_NO|STREET_NAME|BEAT_OF_OCCURRENCE|NUM_UNITS|MOST_SEVERE_INJURY|INJURIES_TOTAL|INJURIES_FATAL|INJURIES_INCAPACITATING|CRASH_HOUR|CRASH_DAY_OF_WEEK|CRASH_MONTH|LATITUDE|LONGITUDE", {"injured": "INJURIES_TOTAL"}),
    ("US: New York", "CRASH DATE|CRASH TIME|BOROUGH|ZIP CODE|LATITUDE|LONGITUDE|ON STREET NAME|CROSS STREET NAME|NUMBER OF PERSONS INJURED|NUMBER OF PERSONS KILLED|NUMBER OF PEDESTRIANS INJURED|NUMBER OF PEDESTRIANS KILLED|CONTRIBUTING FACTOR VEHICLE 1|COLLISION_ID|VEHICLE TYPE CODE 1", {"injured": "NUMBER OF PERSONS INJURED", "deaths": "NUMBER OF PERSONS KILLED"}),
    ("US: Connecticut", "Crash Id|Town Name|Date Of Crash|Time of Crash|Date of Filing|Reporting Officer|Number Of Motor Vehicles|Number Of Non-Motorists|Latitude|Longitude|Crash Severity|Route Class|Weather Condition", {"hour": "Time of Crash"}),
    ("US: West Hartford", "CrashId|Latitude|Longitude|Date Of Crash|Most Severe Injury|Route Class|Route Class Text Format|Roadway Name", {}),
    ("US: Maryland", "YEAR|QUARTER|LIGHT_DESC|COUNTY_NO|COUNTY_DESC|REPORT_NO|REPORT_TYPE|WEATHER_CODE|ACC_DATE|ACC_TIME|LOC_CODE|RTE_NO|ROUTE_TYPE_CODE|RTE_SUFFIX|LOG_MILE|LATITUDE|LONGITUDE", {}),
    ("US: Texas", "Crash ID|Crash Date|Crash Time|County|City|Latitude|Longitude|Crash Death Count|Crash Incapacitating Injury Count|Crash Total Injury Count|Crash Not Injured Count|Light Condition|Surface Condition|Speed Limit", {}),
    ("US: California", "CASE_ID|ACCIDENT_YEAR|PROC_DATE|JURIS|COLLISION_DATE|COLLISION_TIME|OFFICER_ID|REPORTING_DISTRICT|DAY_OF_WEEK|CNTY_CITY_LOC|PRIMARY_RD|SECONDARY_RD|DISTANCE|DIRECTION|INTERSECTION|WEATHER_1|STATE_HWY_IND|LATITUDE|LONGITUDE|COLLISION_SEVERITY|NUMBER_KILLED|NUMBER_INJURED|PARTY_COUNT", {"date": "COLLISION_DATE", "hour": "COLLISION_TIME", "severity": "COLLISION_SEVERITY", "deaths": "NUMBER_KILLED", "injured": "NUMBER_INJURED"}),
    ("US: dates of other things", f"Report Date|Entry Date|Date Entered|Date Approved|Last Updated|{PLACE}", {}),
    ("US: times of other things", f"EMS arrival time|Response time|Time Reported|Dispatch Time|Crash Date|{PLACE}", {}),
    ("US: officers", f"Crash Date|Reporting Officer|Officer Badge|Reporting Agency|Report Number|{PLACE}", {}),
    ("US: vehicles", f"Crash Date|Number of vehicles|Vehicle make|Vehicle year|Registration state|{PLACE}", {}),
    ("US: people", f"Crash Date|Number of persons|Number uninjured|Not injured|Pedestrians|Cyclists|{PLACE}", {}),
    ("US: roads", f"Crash Date|Roadway Class|Road Surface|Route Class|Route Type|Road Condition|Trail|{PLACE}", {}),
    ("US: weather", f"Crash Date|Weather|Light|Lighting|Sight Distance|Severe Weather|Surface|{PLACE}", {}),
    ("US: typos", "Crash Dat|Crash Tme|Latitud|Longitdue|Fatalites|Serious Injurys|Slight Injuris|Colision Type|Crash Severty|Contributing Facter|Report Date|Officer Name", {"date": "Crash Dat", "hour": "Crash Tme", "lat": "Latitud", "lon": "Longitdue", "deaths": "Fatalites", "serious": "Serious Injurys", "slight": "Slight Injuris", "crash_type": "Colision Type", "severity": "Crash Severty", "cause": "Contributing Facter"}),
    ("US: joined words", "crashId|crashDate|crashTime|crashSeverity|roadNumber|kmPost", {}),
    ("US: other forms", f"Crash Date|Fatality|Serious Injury|Vehicle Type|Contributing Factors|{PLACE}", {"deaths": "Fatality", "serious": "Serious Injury", "mode": "Vehicle Type", "cause": "Contributing Factors"}),
    ("AU: Queensland", "Crash_Ref_Number|Crash_Severity|Crash_Year|Crash_Month|Crash_Day_Of_Week|Crash_Hour|Crash_Nature|Crash_Type|Crash_Longitude|Crash_Latitude|Crash_Street|State_Road_Name|Loc_Suburb|Count_Casualty_Fatality|Count_Casualty_Hospitalised|Count_Unit_Car", {"lat": "Crash_Latitude", "lon": "Crash_Longitude"}),
    ("AU: Victoria", "OBJECTID|ACCIDENT_NO|ABS_CODE|ACCIDENT_STATUS|ACCIDENT_DATE|ACCIDENT_TIME|ALCOHOLTIME|ACCIDENT_TYPE|DAY_OF_WEEK|DCA_CODE|HIT_RUN_FLAG|LIGHT_CONDITION|POLICE_ATTEND|ROAD_GEOMETRY|SEVERITY|SPEED_ZONE|NODE_ID|LONGITUDE|LATITUDE|LGA_NAME|VICGRID_X|VICGRID_Y|TOTAL_PERSONS|INJ_OR_FATAL|FATALITY|SERIOUSINJURY|OTHERINJURY|NONINJURED|MALES|FEMALES", {"hour": "ACCIDENT_TIME", "deaths": "FATALITY"}),
    ("NZ: CAS", "X|Y|OBJECTID|advisorySpeed|areaUnitID|bicycle|bridge|bus|cliffBank|crashDirectionDescription|crashFinancialYear|crashLocation1|crashRoadSideRoad|crashSeverity|crashSHDescription|crashYear|fatalCount|flatHill|holiday|intersection|kerb|light|meshblockId|minorInjuryCount|numberOfLanes|region|roadCharacter|roadLane|seriousInjuryCount|speedLimit|tlaName|train|truck|weatherA", {}),
    ("FR: BAAC", "Num_Acc|jour|mois|an|hrmn|lum|dep|com|agg|int|atm|col|adr|lat|long", {}),
    ("FR: words", "identifiant de l'accident|Date|Heure|Commune|Latitude|Longitude|Gravité|Nombre de tués|Blessés graves|Blessés légers|Département|Type de collision", {}),
    ("BR: PRF", "id|data_inversa|dia_semana|horario|uf|br|km|municipio|causa_acidente|tipo_acidente|classificacao_acidente|fase_dia|sentido_via|condicao_metereologica|tipo_pista|tracado_via|uso_solo|pessoas|mortos|feridos_leves|feridos_graves|ilesos|ignorados|feridos|veiculos|latitude|longitude|regional|delegacia|uop", {}),
    ("BR: São Paulo", "Id da Delegacia|Dia do Acidente|Hora do Acidente|Município|Rodovia|Quilômetro|LAT_(GEO)|LONG_(GEO)|Tipo de veículo|Jurisdição", {"lat": "LAT_(GEO)", "lon": "LONG_(GEO)"}),
    ("CO: Medellín", "id|x|y|hour|ref_segment|ref_tp|ref_nndist_network|lon|lat", {}),
    ("CO: Medellín, open data", "AÑO|CBML|CLASE_ACCIDENTE|DIRECCION|DISEÑO|EXPEDIENTE|FECHA_ACCIDENTE|GRAVEDAD_ACCIDENTE|MES|NRO_RADICADO|NUMCOMUNA|BARRIO|COMUNA|LOCATION|X|Y", {}),
    ("DE: Unfallatlas", "OBJECTID|UIDENTSTLAE|ULAND|UKREIS|UJAHR|UMONAT|USTUNDE|UWOCHENTAG|UKATEGORIE|UART|UTYP1|ULICHTVERH|IstRad|LINREFX|LINREFY|XGCSWGS84|YGCSWGS84", {}),
    ("PL: SEWiK", "ID|Data zdarzenia|Godzina|Województwo|Powiat|Miejscowość|Droga|Kilometr|Rodzaj zdarzenia|Zabici|Ranni|Ciężko ranni|X|Y", {}),
    ("ES: DGT", "ID_ACCIDENTE|ANYO|MES|DIA_SEMANA|HORA|COD_PROVINCIA|CARRETERA|KM|TITULARIDAD_VIA|TIPO_ACCIDENTE|TOTAL_MU24H|TOTAL_HG24H|TOTAL_VEHICULOS", {"crash_id": "ID_ACCIDENTE"}),
    ("IT: Istat", "anno|provincia|comune|giorno|ora|organo_di_rilevazione|localizzazione_incidente|chilometrica|natura_incidente|veicoli|morti|feriti|longitudine|latitudine", {"lat": "latitudine", "lon": "longitudine"}),
    ("ID: Korlantas", "No LP|Tanggal Kejadian|Waktu Kejadian|Nama Jalan|Lintang|Bujur|Meninggal Dunia|Luka Berat|Luka Ringan|Kerugian Material", {}),
    ("CA: Toronto", "ACCNUM|YEAR|DATE|TIME|STREET1|STREET2|OFFSET|ROAD_CLASS|DISTRICT|LATITUDE|LONGITUDE|LOCCOORD|TRAFFCTL|VISIBILITY|LIGHT|RDSFCOND|ACCLASS|IMPACTYPE|INVTYPE|INVAGE|INJURY|FATAL_NO|INITDIR|VEHTYPE", {}),
    ("IE: RSA", "Year|County|Date|Time of day|Collision Type|Primary collision type|Casualties|Killed|Injured|Easting|Northing", {}),
]  # fmt: skip


def table(headers: str) -> RawTable:
    return RawTable("f.csv", None, pd.DataFrame({name: ["1"] for name in headers.split("|")}))


@pytest.mark.parametrize(
    ("headers", "wanted"), [r[1:] for r in REGISTERS], ids=[r[0] for r in REGISTERS]
)
def test_what_is_proposed_for_a_register_is_right_and_all(
    headers: str, wanted: dict[str, str]
) -> None:
    raw = table(headers)
    found = match(raw, "crashes", {})
    assert {p.column: p.header for p in propose(raw, "crashes", found, ())} == wanted


def test_sixty_registers_are_looked_at() -> None:
    assert len({headers for _, headers, _ in REGISTERS}) >= 60


MISTYPED = {"date": "Ngày xảy ra TNGT", "lat": "Latitud", "injured": "Number injured"}


def rows() -> list[Row]:
    return [{MISTYPED.get(name, name): value for name, value in row.items()} for row in crashes()]


def read(folder: Path, columns: dict[str, str | list[str]] | None = None) -> Register:
    made = rows()
    write_rows(folder / "c.csv", made, list(made[0]))
    return read_crashes([folder / "c.csv"], TARGET, Findings(), columns=columns or {})


def test_nothing_is_taken_until_it_is_confirmed(tmp_path: Path) -> None:
    with pytest.raises(UnconfirmedHeaders) as asked:
        read(tmp_path)
    assert asked.value.columns == MISTYPED
    assert asked.value.code == "headers-unconfirmed"


def test_the_block_that_is_told_makes_the_run_go(tmp_path: Path) -> None:
    with pytest.raises(UnconfirmedHeaders) as asked:
        read(tmp_path)
    pasted = tomllib.loads(asked.value.message("en").partition("\n")[2])["crashes"]["columns"]
    frame = read(tmp_path, pasted).crashes
    write_rows(tmp_path / "clean.csv", crashes())
    clean = read_crashes([tmp_path / "clean.csv"], TARGET, Findings()).crashes
    for column in ("date", "injured", "severity"):
        assert frame[column].tolist() == clean[column].tolist()
    assert frame.geometry.geom_equals(clean.geometry).all()


def test_what_is_declined_is_left_out_and_not_asked_again(tmp_path: Path) -> None:
    made = read(tmp_path, {"date": MISTYPED["date"], "lat": MISTYPED["lat"], "injured": ""})
    assert MISTYPED["injured"] in made.dropped
    # In the small register injured is known from nothing else.
    assert made.crashes["injured"].isna().all()
    with pytest.raises(UnconfirmedHeaders) as asked:
        read(tmp_path, {"injured": ""})
    assert set(asked.value.columns) == {"date", "lat"}


def test_a_place_that_is_declined_is_told_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(BlackspotsError) as refusal:
        read(tmp_path, {"date": "", "lat": "", "injured": "", "route": "", "km": ""})
    assert refusal.value.code == "no-location-columns"


def test_a_header_of_personal_data_is_never_proposed() -> None:
    raw = table("Ngày sinh|Tên lái xe|Biển số phương tiện|Số điện thoại|Vĩ độ|Kinh độ")
    assert propose(raw, "crashes", match(raw, "crashes", {}), ()) == []


def test_one_header_is_proposed_for_one_column_and_a_column_once() -> None:
    raw = table("Latitud|Latitudo|Longitud|Fatality|Fatalites")
    made = propose(raw, "crashes", {}, ())
    assert len({p.column for p in made}) == len({p.header for p in made}) == len(made) == 3
    assert all(0 <= p.score <= 100 for p in made)
