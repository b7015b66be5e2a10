"""What the sample study starts from, each with a mark.

Marks: ``P`` the founding document of the programme; ``M`` general knowledge written down from
memory, rounded, not surveyed; ``A`` assumed for the sample. No map or data file was used as a
source: positions are good to a kilometre or two, and lines between them are drawn freely.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Town(NamedTuple):
    """A named place; ``rank`` 1 is the provincial city, 2 a district town, 3 another place."""

    name: str
    rank: int
    lon: float
    lat: float
    streets: tuple[int, int] = (0, 0)
    mark: str = "M"


TOWNS: Final = (
    Town("Lạng Sơn", 1, 106.7610, 21.8480, (10, 9)),
    Town("Đồng Đăng", 3, 106.7000, 21.9430, (5, 5)),
    Town("Hữu Nghị", 3, 106.7115, 21.9745),
    Town("Tân Thanh", 3, 106.6830, 22.0150, (3, 3)),
    Town("Chi Ma", 3, 106.9780, 21.8080, (2, 2)),
    Town("Lộc Bình", 2, 106.9250, 21.7570, (5, 4)),
    Town("Na Dương", 3, 106.9700, 21.7030, (4, 3)),
    Town("Đình Lập", 2, 107.0950, 21.5460, (4, 4)),
    Town("Thất Khê", 2, 106.4710, 22.2590, (5, 5)),
    Town("Na Sầm", 2, 106.6140, 22.0530, (4, 3)),
    Town("Văn Quan", 2, 106.5510, 21.8570, (4, 3)),
    Town("Bình Gia", 2, 106.3610, 21.9490, (4, 3)),
    Town("Bắc Sơn", 2, 106.3180, 21.9000, (4, 4)),
    Town("Đồng Mỏ", 2, 106.5710, 21.6610, (5, 4)),
    Town("Hữu Lũng", 2, 106.3460, 21.5060, (5, 5)),
    Town("Cao Lộc", 2, 106.7740, 21.8720, (4, 4)),
    Town("Mai Pha", 3, 106.7720, 21.8170, (4, 3)),
)
"""Towns (M) and how many streets to draw each way (A)."""


class Route(NamedTuple):
    """A numbered road, drawn through ``points``.

    ``km`` is the official km at the first point, ``length`` the km inside the province, ``aadt``
    the traffic from given official km on.
    """

    ref: str
    name: str
    road_class: str
    km: float
    length: float
    aadt: tuple[tuple[float, int], ...]
    points: tuple[str | tuple[float, float], ...]
    mark: str = "M"


ROUTES: Final = (
    Route(
        "QL1",
        "Quốc lộ 1",
        "national",
        0.0,
        93.0,
        ((0, 7800), (5, 11500), (14, 16800), (24, 11200), (52, 12400), (80, 14900)),
        (
            "Hữu Nghị",
            "Đồng Đăng",
            (106.7300, 21.9020),
            "Lạng Sơn",
            (106.7420, 21.8120),
            (106.7150, 21.7790),
            (106.6600, 21.7440),
            (106.6050, 21.7020),
            "Đồng Mỏ",
            (106.5280, 21.6230),
            (106.4600, 21.5820),
            (106.4000, 21.5470),
            "Hữu Lũng",
            (106.3120, 21.4640),
            (106.2820, 21.4270),
        ),
    ),
    Route(
        "QL1B",
        "Quốc lộ 1B",
        "national",
        0.0,
        91.0,
        ((0, 4900), (8, 3300), (40, 2700), (60, 3000)),
        (
            "Đồng Đăng",
            (106.6650, 21.9200),
            (106.6100, 21.8900),
            "Văn Quan",
            (106.4800, 21.8780),
            (106.4150, 21.9120),
            "Bình Gia",
            (106.3340, 21.9330),
            "Bắc Sơn",
            (106.2500, 21.8720),
            (106.1750, 21.8400),
            (106.1280, 21.8360),
        ),
    ),
    Route(
        "QL4A",
        "Quốc lộ 4A",
        "national",
        0.0,
        66.0,
        ((0, 5200), (6, 3900), (20, 2600), (48, 2900)),
        (
            "Đồng Đăng",
            (106.6720, 21.9780),
            "Na Sầm",
            (106.5900, 22.1150),
            (106.5500, 22.1800),
            "Thất Khê",
            (106.4550, 22.3100),
            (106.4270, 22.3760),
        ),
    ),
    Route(
        "QL4B",
        "Quốc lộ 4B",
        "national",
        0.0,
        80.0,
        ((0, 9300), (5, 6100), (22, 4700), (34, 3100), (58, 2800)),
        (
            "Lạng Sơn",
            (106.8150, 21.8200),
            (106.8650, 21.7830),
            "Lộc Bình",
            "Na Dương",
            (107.0250, 21.6400),
            (107.0600, 21.5900),
            "Đình Lập",
            (107.1400, 21.5050),
            (107.2200, 21.4500),
        ),
    ),
    Route(
        "QL31",
        "Quốc lộ 31",
        "national",
        99.0,
        61.0,
        ((99, 1400), (122, 1900), (130, 900)),
        (
            (106.9500, 21.3480),
            (106.9850, 21.4200),
            (107.0400, 21.4850),
            "Đình Lập",
            (107.1450, 21.5850),
            (107.2200, 21.6250),
            (107.2820, 21.6580),
        ),
    ),
    Route(
        "QL279",
        "Quốc lộ 279",
        "national",
        143.0,
        48.0,
        ((143, 1300), (162, 2400), (172, 1700)),
        (
            (106.6900, 21.5250),
            (106.6250, 21.6000),
            "Đồng Mỏ",
            (106.5350, 21.7150),
            (106.5450, 21.7900),
            "Văn Quan",
        ),
    ),
    Route(
        "QL279",
        "Quốc lộ 279",
        "national",
        217.0,
        34.0,
        ((217, 1500), (226, 1000)),
        (
            "Bình Gia",
            (106.3180, 22.0050),
            (106.2550, 22.0550),
            (106.1780, 22.1280),
        ),
    ),
    Route(
        "QL3B",
        "Quốc lộ 3B",
        "national",
        66.6,
        61.0,
        ((66.6, 900), (98, 1700), (106, 1100)),
        (
            (106.2000, 22.1900),
            (106.3100, 22.2250),
            (106.3900, 22.2350),
            "Thất Khê",
            (106.5400, 22.2900),
            (106.6300, 22.2980),
        ),
    ),
    Route(
        "ĐT226",
        "Đường tỉnh 226",
        "provincial",
        0.0,
        48.0,
        ((0, 650),),
        ("Bình Gia", (106.3900, 22.0200), (106.3850, 22.1200), (106.4300, 22.1950), "Thất Khê"),
        "A",
    ),
    Route(
        "ĐT230",
        "Đường tỉnh 230",
        "provincial",
        0.0,
        7.0,
        ((0, 2900),),
        ((106.6420, 22.0150), "Tân Thanh"),
        "A",
    ),
    Route(
        "ĐT234",
        "Đường tỉnh 234",
        "provincial",
        0.0,
        28.0,
        ((0, 1800), (8, 700)),
        (
            (106.7590, 21.8440),
            (106.7400, 21.8460),
            (106.7050, 21.8500),
            (106.6550, 21.8450),
            (106.6100, 21.8900),
        ),
        "A",
    ),
    Route(
        "ĐT235",
        "Đường tỉnh 235",
        "provincial",
        0.0,
        24.0,
        ((0, 4200), (5, 1300)),
        ((106.7590, 21.8560), "Cao Lộc", (106.8200, 21.8900), (106.8900, 21.8950)),
        "A",
    ),
    Route(
        "ĐT237",
        "Đường tỉnh 237",
        "provincial",
        0.0,
        4.0,
        ((0, 3600),),
        ((106.7680, 21.8420), "Mai Pha"),
        "A",
    ),
    Route(
        "ĐT236",
        "Đường tỉnh 236",
        "provincial",
        0.0,
        16.0,
        ((0, 2100),),
        ("Lộc Bình", (106.9480, 21.7850), "Chi Ma"),
        "A",
    ),
    Route(
        "ĐT248",
        "Đường tỉnh 248",
        "provincial",
        0.0,
        39.0,
        ((0, 800),),
        ("Na Dương", (106.9200, 21.6450), (106.8900, 21.5700), (106.8650, 21.4150)),
        "A",
    ),
    Route(
        "ĐT242",
        "Đường tỉnh 242",
        "provincial",
        0.0,
        19.0,
        ((0, 1900), (7, 1100)),
        ("Hữu Lũng", (106.2950, 21.5300), (106.2350, 21.5350), (106.1850, 21.5450)),
        "A",
    ),
    Route(
        "ĐT243",
        "Đường tỉnh 243",
        "provincial",
        0.0,
        55.0,
        ((0, 1300), (12, 600)),
        (
            (106.3670, 21.5250),
            (106.3500, 21.6100),
            (106.3300, 21.7000),
            (106.3200, 21.8000),
            "Bắc Sơn",
        ),
        "A",
    ),
    Route(
        "ĐT245",
        "Đường tỉnh 245",
        "provincial",
        0.0,
        18.0,
        ((0, 1500),),
        ("Hữu Lũng", (106.3850, 21.4850), (106.4350, 21.4800), (106.4700, 21.4700)),
        "A",
    ),
)
"""National roads (M: routing, lengths and km at the start are approximate; QL279 shares QL1B
between Văn Quan and Bình Gia) and provincial roads (A: their routing is not that of the real
roads of these numbers). All AADT is A."""


class Station(NamedTuple):
    """A point of a railway and its km, None where it is not known."""

    name: str
    km: float | None
    lon: float
    lat: float


class Railway(NamedTuple):
    """A railway line with its stations and the trains a day (A)."""

    railway_id: str
    name: str
    trains: int
    stations: tuple[Station, ...]


RAILWAYS: Final = (
    Railway(
        "DS-HNDD",
        "Hà Nội – Đồng Đăng",
        12,
        (
            Station("ranh giới tỉnh", 77.0, 106.3400, 21.4200),
            Station("Phố Vị", 81.0, 106.3700, 21.4600),
            Station("Bắc Lệ", 87.5, 106.4250, 21.5100),
            Station("Sông Hóa", 97.5, 106.4880, 21.5720),
            Station("Chi Lăng", 106.0, 106.5230, 21.6300),
            Station("", None, 106.5570, 21.6270),
            Station("Đồng Mỏ", 113.0, 106.5790, 21.6550),
            Station("Bắc Thủy", 123.0, 106.6300, 21.7080),
            Station("Bản Thí", 132.0, 106.6880, 21.7430),
            Station("Yên Trạch", 141.0, 106.7380, 21.7830),
            Station("Mai Pha", 145.5, 106.7600, 21.8170),
            Station("Lạng Sơn", 149.0, 106.7530, 21.8400),
            Station("", None, 106.7180, 21.8920),
            Station("Đồng Đăng", 162.0, 106.6920, 21.9360),
            Station("biên giới", 166.6, 106.6930, 21.9710),
        ),
    ),
    Railway(
        "DS-MPND",
        "Mai Pha – Na Dương",
        4,
        (
            Station("Mai Pha", 0.0, 106.7600, 21.8170),
            Station("", None, 106.8000, 21.8350),
            Station("", None, 106.8350, 21.7830),
            Station("", None, 106.9150, 21.7480),
            Station("Na Dương", 31.0, 106.9650, 21.6960),
        ),
    ),
)
"""Railways: stations and km are M, trains a day A."""

OVERPASSES: Final = (("QL1", 104.0), ("QL1", 150.0), ("QL4B", 5.0))
"""Where a national road goes over the railway (A): road, and about which railway km."""

OUTLINE: Final = (
    (106.100, 21.870),
    (106.140, 21.970),
    (106.190, 22.030),
    (106.160, 22.110),
    (106.175, 22.200),
    (106.250, 22.280),
    (106.320, 22.360),
    (106.410, 22.385),
    (106.500, 22.450),
    (106.570, 22.380),
    (106.640, 22.310),
    (106.650, 22.200),
    (106.660, 22.100),
    (106.705, 22.030),
    (106.720, 21.990),
    (106.790, 21.985),
    (106.860, 21.935),
    (106.950, 21.880),
    (107.010, 21.820),
    (107.050, 21.740),
    (107.130, 21.715),
    (107.220, 21.700),
    (107.310, 21.660),
    (107.360, 21.600),
    (107.310, 21.520),
    (107.250, 21.450),
    (107.180, 21.415),
    (107.090, 21.390),
    (107.000, 21.345),
    (106.930, 21.335),
    (106.870, 21.390),
    (106.800, 21.450),
    (106.720, 21.500),
    (106.620, 21.500),
    (106.530, 21.480),
    (106.440, 21.440),
    (106.350, 21.405),
    (106.250, 21.420),
    (106.190, 21.480),
    (106.170, 21.570),
    (106.220, 21.660),
    (106.200, 21.740),
    (106.130, 21.800),
)
"""Rough outline of the province, clockwise (M): a sketch, not a boundary."""

DISTRICTS: Final = (
    ("178", "Thành phố Lạng Sơn", ((106.755, 21.842),)),
    ("180", "Tràng Định", ((106.430, 22.290), (106.560, 22.270), (106.330, 22.250))),
    (
        "181",
        "Bình Gia",
        ((106.290, 22.060), (106.240, 22.140), (106.410, 22.060), (106.400, 21.960)),
    ),
    (
        "182",
        "Văn Lãng",
        ((106.550, 22.080), (106.650, 22.060), (106.610, 22.000), (106.670, 22.025)),
    ),
    (
        "183",
        "Cao Lộc",
        (
            (106.700, 21.940),
            (106.785, 21.880),
            (106.800, 21.895),
            (106.870, 21.860),
            (106.660, 21.895),
            (106.680, 21.835),
            (106.725, 21.765),
            (106.835, 21.820),
        ),
    ),
    ("184", "Văn Quan", ((106.550, 21.860), (106.480, 21.810), (106.590, 21.800))),
    ("185", "Bắc Sơn", ((106.300, 21.880), (106.180, 21.850), (106.270, 21.790))),
    ("186", "Hữu Lũng", ((106.330, 21.510), (106.250, 21.570), (106.320, 21.650))),
    (
        "187",
        "Chi Lăng",
        ((106.560, 21.650), (106.470, 21.680), (106.650, 21.700), (106.640, 21.590)),
    ),
    (
        "188",
        "Lộc Bình",
        (
            (106.920, 21.750),
            (106.980, 21.690),
            (106.800, 21.680),
            (106.900, 21.600),
            (106.970, 21.800),
        ),
    ),
    (
        "189",
        "Đình Lập",
        ((107.110, 21.540), (107.250, 21.600), (107.000, 21.430), (107.120, 21.640)),
    ),
)
"""Districts in force until 30 June 2025: code and name M, the points that shape them A."""

COMMUNES: Final = {
    "Thành phố Lạng Sơn": "Mai Pha, Quảng Lạc, Hoàng Đồng, Tam Thanh, Vĩnh Trại, Đông Kinh",
    "Tràng Định": "Đại Đồng, Tri Phương, Kháng Chiến, Hùng Sơn, Quốc Khánh, Tân Tiến, Đào Viên",
    "Bình Gia": "Thiện Thuật, Thiện Hòa, Thiện Long, Hòa Bình, Bình La, Yên Lỗ, Quý Hòa, Tân Văn",
    "Văn Lãng": "Tân Thanh, Tân Mỹ, Hoàng Việt, Hội Hoan, Gia Miễn, Bắc La, Thanh Long, Nhạc Kỳ",
    "Cao Lộc": "Thạch Đạn, Bảo Lâm, Bình Trung, Hợp Thành, Gia Cát, Công Sơn, Xuất Lễ, Hòa Cư",
    "Văn Quan": "Điềm He, Tràng Phái, Tân Đoàn, Lương Năng, Tri Lễ, Yên Phúc, Khánh Khê, An Sơn",
    "Bắc Sơn": "Vũ Lễ, Vũ Lăng, Tân Hương, Hưng Vũ, Trấn Yên, Nhất Hòa, Đồng Ý, Long Đống",
    "Hữu Lũng": "Đồng Tân, Cai Kinh, Hòa Lạc, Yên Sơn, Hữu Liên, Minh Sơn, Vân Nham, Hòa Thắng",
    "Chi Lăng": "Mai Sao, Quan Sơn, Nhân Lý, Bắc Thủy, Vạn Linh, Y Tịch, Hòa Bình, Hữu Kiên",
    "Lộc Bình": "Khuất Xá, Tú Đoạn, Yên Khoái, Tú Mịch, Xuân Dương, Đông Quan, Sàn Viên, Lợi Bác",
    "Đình Lập": "Bắc Xa, Bính Xá, Kiên Mộc, Cường Lợi, Châu Sơn, Lâm Ca, Đồng Thắng, Thái Bình",
}
"""Names of communes (M) lent to simulated communal roads; which road has which is A."""


class Year(NamedTuple):
    """Totals of one year's valid rows."""

    crashes: int
    fatal: int
    deaths: int
    injured: int
    pdo: int


YEARS: Final = {
    2021: Year(251, 91, 99, 236, 9),
    2022: Year(263, 94, 102, 253, 10),
    2023: Year(278, 97, 105, 272, 11),
}
"""Crashes, deaths and injured of 2023: P. Everything else: A."""

TET: Final = {2021: (2, 12), 2022: (2, 1), 2023: (1, 22)}
"""Month and day of the lunar new year (M)."""


class Spot(NamedTuple):
    """A planted spot.

    ``inside``: outcomes (F fatal, I injury) within the twelve months, in ``year``, that meet
    ``rule``; ``other``: outcomes in the other years. For junctions ``route`` is the two roads
    that meet; for crossings it is the kind of crossing, and ``km`` the km of the railway.
    """

    spot_id: str
    kind: str
    route: str
    km: float
    rule: str
    year: int
    inside: str
    other: str
    theme: str


SPOTS: Final = (
    Spot("S01", "segment", "QL1", 31.0, "two-fatal", 2022, "FFI", "IIIF", "run-off"),
    Spot("S02", "segment", "QL1", 59.0, "three-with-fatal", 2023, "FII", "IIII", "rear-end"),
    Spot("S03", "segment", "QL1", 73.0, "two-fatal", 2021, "FF", "IIFII", "pedestrian"),
    Spot("S04", "segment", "QL1B", 18.0, "four-injury", 2022, "IIII", "III", "run-off"),
    Spot("S05", "segment", "QL1B", 62.0, "three-with-fatal", 2021, "FIII", "III", "head-on"),
    Spot("S06", "segment", "QL4A", 29.0, "two-fatal", 2023, "FFI", "III", "run-off"),
    Spot("S07", "segment", "QL4B", 11.5, "four-injury", 2023, "IIIII", "III", "rear-end"),
    Spot("S08", "segment", "QL4B", 45.0, "three-with-fatal", 2022, "FII", "IIF", "head-on"),
    Spot("S09", "junction", "QL1 QL4B", 0.0, "two-fatal", 2023, "FFII", "IIIII", "turning"),
    Spot("S10", "junction", "QL1 QL279", 0.0, "three-with-fatal", 2022, "FII", "IIII", "turning"),
    Spot("S11", "junction", "QL1 ĐT242", 0.0, "four-injury", 2021, "IIII", "IIII", "turning"),
    Spot("S12", "crossing", "self-opened", 90.0, "two-fatal", 2022, "FF", "II", "train"),
    Spot("S13", "crossing", "self-opened", 126.0, "three-with-fatal", 2023, "FII", "IF", "train"),
    Spot("S14", "crossing", "official", 146.5, "three-with-fatal", 2021, "FII", "III", "train"),
)
"""Hot spots planted in the register (A)."""
