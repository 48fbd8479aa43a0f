"""Pairs of persons of whom it is known whether they are one: what DO-43 is measured on.

The spellings stand here by hand, as offices write them; they do not come from the tables
that are measured.
"""

import random
from collections import Counter
from dataclasses import dataclass

from node.cases.matching import Band, Identity, judge
from node.ids import CaseId, RecordId

SPELLINGS = [
    ("Mohammed", "Muhamad"),
    ("Mohamed", "Muhammad"),
    ("Youssef", "Yusuf"),
    ("Ahmad", "Achmed"),
    ("Hussein", "Hossein"),
    ("Khaled", "Chalid"),
    ("Fatima", "Fatemeh"),
    ("Layla", "Leila"),
    ("Mahmoud", "Mahmud"),
    ("Dschamila", "Jamila"),
    ("Abdullah", "Abdallah"),
    ("Osman", "Othman"),
    ("Zainab", "Zeynep"),
    ("Rashid", "Raschid"),
    ("Tarek", "Tariq"),
    ("Ghulam", "Gulam"),
    ("Shirin", "Schirin"),
    ("Tsegay", "Tsegaye"),
    ("Tesfay", "Tesfai"),
    ("Mehret", "Mihret"),
    ("Selam", "Salam"),
    ("Yonas", "Jonas"),
    ("Oleksandr", "Aleksandr"),
    ("Kateryna", "Ekaterina"),
    ("Dmytro", "Dmitrij"),
    ("Iryna", "Irina"),
]
SCRIPTS = [
    ("Samir", "سمير"),
    ("Karim", "كريم"),
    ("Nabil", "نبيل"),
    ("Ibrahim", "إبراهيم"),
    ("Maryam", "مريم"),
    ("Salma", "سلمى"),
    ("Mohammed", "محمد"),
    ("Rahimi", "رحیمی"),
    ("Karimi", "کریمی"),
    ("Hosseini", "حسینی"),
    ("Shwan", "شوان"),
    ("Azad", "ئازاد"),
    ("Dilshad", "دڵشاد"),
    ("Oksana", "Оксана"),
    ("Shevchenko", "Шевченко"),
    ("Natalia", "Наталія"),
    ("Bondarenko", "Бондаренко"),
    ("Mykola", "Микола"),
    ("Tesfay", "ተስፋይ"),
    ("Almaz", "ኣልማዝ"),
    ("Selam", "ሰላም"),
    ("Berhane", "በርሃነ"),
]
UMLAUTS = [
    ("Müller", "Mueller"),
    ("Öztürk", "Oeztuerk"),
    ("Yıldız", "Yildiz"),  # noqa: RUF001
    ("Şahin", "Sahin"),
    ("Çelik", "Celik"),
    ("Groß", "Gross"),
    ("Jäger", "Jaeger"),
    ("Güneş", "Guenes"),
]
GIVEN = (  # noqa: SIM905
    "Amina Bilal Dalia Fadi Hanan Karim Huda Nabil Rana Samir Salma Rami Nour Ali "
    "Hassan Omar Reza Farid Zohra Parwin Najib Latif Selam Almaz Yonas Kidane Mehret "
    "Abel Oksana Taras Olena Bohdan Ayse Emre Cem Elif Amadou Fatou Awa Moussa Hodan "
    "Abdi Ayaan Farah"
).split()
FAMILY = (  # noqa: SIM905
    "Haddad Khalil Mansour Saleh Nasser Darwish Hamdan Sabbagh Rahimi Ahmadi Karimi "
    "Hosseini Noori Sharifi Tesfay Gebremedhin Berhane Kidane Haile Woldu Shevchenko "
    "Bondarenko Kovalenko Melnyk Tkachenko Yilmaz Kaya Demir Celik Diallo Bah Camara "
    "Warsame Jama Abdulle Barzani Ahmed Hassan Ali Ibrahim"
).split()
COMMON = ["Mohammed Ali", "Ahmed Hassan", "Ali Ahmed", "Fatima Ali", "Omar Ibrahim"]


@dataclass(frozen=True)
class Rates:
    recall: float
    strong: float
    any: float
    missed: Counter


def made(number, given, family, birth, **more):
    return Identity(
        CaseId(f"{number:032x}"),
        (f"{given} {family}", *more.pop("also", ())),
        birth,
        **more,
    )


class Draw:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.number = 0

    def pick(self, options):
        return self.random.choice(options)

    def birth(self, low=1955, high=2018):
        return self.day(self.random.randint(low, high))

    def day(self, year):
        return (
            f"{year}-{self.random.randint(1, 12):02d}-{self.random.randint(1, 28):02d}"
        )

    def typo(self, name):
        at = self.random.randrange(1, len(name) - 1)
        kind = self.random.randrange(3)
        if kind == 0:
            return name[:at] + name[at + 1 :]
        if kind == 1:
            return name[:at] + name[at + 1] + name[at] + name[at + 2 :]
        return name[:at] + self.pick("aeimnrst") + name[at + 1 :]

    def person(self, given, family, birth, **more):
        self.number += 1
        return made(self.number, given, family, birth, **more)


def true_pairs(seed, count=200):
    """Two records of one person, each pair different in one of the usual ways."""
    draw = Draw(seed)
    kinds = [
        _spelled,
        _script,
        _umlaut,
        _swapped_names,
        _swapped_days,
        _typed,
        _new_year,
    ]
    return [
        (kind.__name__, *kind(draw))
        for kind in (kinds[number % len(kinds)] for number in range(count))
    ]


def _spelled(draw):
    one, other = draw.pick(SPELLINGS)
    family, birth = draw.pick(FAMILY), draw.birth()
    return draw.person(one, family, birth), draw.person(other, family, birth)


def _script(draw):
    latin, script = draw.pick(SCRIPTS)
    second, second_script = draw.pick(SCRIPTS)
    birth = draw.birth()
    return (
        draw.person(latin, second, birth),
        draw.person(script, second_script, birth),
    )


def _umlaut(draw):
    one, other = draw.pick(UMLAUTS)
    given, birth = draw.pick(GIVEN), draw.birth()
    return draw.person(given, one, birth), draw.person(given, other, birth)


def _swapped_names(draw):
    given, family, birth = draw.pick(GIVEN), draw.pick(FAMILY), draw.birth()
    return draw.person(given, family, birth), draw.person(family, given, birth)


def _swapped_days(draw):
    given, family = draw.pick(GIVEN), draw.pick(FAMILY)
    year, month, day = (
        draw.random.randint(1955, 2018),
        *draw.random.sample(range(1, 13), 2),
    )
    return (
        draw.person(given, family, f"{year}-{month:02d}-{day:02d}"),
        draw.person(given, family, f"{year}-{day:02d}-{month:02d}"),
    )


def _typed(draw):
    given, family, birth = draw.pick(GIVEN), draw.pick(FAMILY), draw.birth()
    wrong = draw.typo(family)
    return draw.person(given, family, birth), draw.person(given, wrong, birth)


def _new_year(draw):
    given, family, birth = draw.pick(GIVEN), draw.pick(FAMILY), draw.birth()
    return (
        draw.person(given, family, birth),
        draw.person(given, family, f"{birth[:4]}-01-01", fictitious=True),
    )


def hard_pairs(seed, count=2000):
    """Two persons who are easily taken for one: siblings, father and son, common names."""
    draw = Draw(seed)
    kinds = [_siblings, _generations, _common, _neighbours]
    return [
        (kind.__name__, *kind(draw))
        for kind in (kinds[number % len(kinds)] for number in range(count))
    ]


def _home(draw):
    return RecordId(f"{draw.number:032x}")


def _siblings(draw):
    one, other = draw.random.sample(GIVEN, 2)
    family, home, phone = draw.pick(FAMILY), _home(draw), "+49 170 5550199"
    year = draw.random.randint(1990, 2016)
    first = draw.day(year)
    # One pair of siblings in a hundred are twins.
    second = (
        first
        if draw.random.randrange(100) == 0
        else draw.day(year + draw.pick([1, 2, 3]))
    )
    more = {"household": home, "phones": frozenset({phone})}
    return draw.person(one, family, first, **more), draw.person(
        other, family, second, **more
    )


def _generations(draw):
    given, family = draw.pick(GIVEN), draw.pick(FAMILY)
    year = draw.random.randint(1955, 1985)
    more = {"household": _home(draw)}
    return (
        draw.person(given, family, draw.day(year), **more),
        draw.person(
            given, family, draw.day(year + draw.random.randint(18, 40)), **more
        ),
    )


def _common(draw):
    """Two of one name; one in five has only the first of January, set by an office."""
    given, family = draw.pick(COMMON).split()
    one, other = draw.birth(1970, 2005), draw.birth(1970, 2005)
    vague = draw.random.randrange(5) == 0
    return (
        draw.person(given, family, one),
        draw.person(
            given, family, f"{other[:4]}-01-01" if vague else other, fictitious=vague
        ),
    )


def _neighbours(draw):
    """Other people of nearly the same age and one name in common."""
    one, other = draw.random.sample(FAMILY, 2)
    given, year = draw.pick(GIVEN), draw.random.randint(1970, 2005)
    return draw.person(given, one, draw.day(year)), draw.person(
        given, other, draw.day(year)
    )


def measure(seed):
    """The three numbers of DO-43."""
    true, hard = true_pairs(seed), hard_pairs(seed + 1)
    missed = Counter(kind for kind, a, b in true if judge(a, b) is None)
    bands = [pair.band if (pair := judge(a, b)) else None for _, a, b in hard]
    return Rates(
        recall=1 - missed.total() / len(true),
        strong=bands.count(Band.STRONG) / len(hard),
        any=sum(band is not None for band in bands) / len(hard),
        missed=missed,
    )
