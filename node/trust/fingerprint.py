"""Twelve German words for what two people compare on the phone.

Enters: bytes, for instance an admission request. Leaves: words. Must never happen: a word
being changed or moved, since both ends count on one list. Implements handover 11.4
(admission).
"""

import hashlib
from typing import Final

_TEXT: Final = """
Abend Acker Adler Ahorn Akte Allee Ampel Antwort Apfel April Arbeit Arzt Asche Atlas
Auge August Auto Axt Bach Bahn Balken Ball Bank Bart Basar Bauer Baum Becher Beere
Beet Berg Besen Biber Biene Bild Birke Blatt Blitz Blume Boden Bohne Boot Brief
Brunnen Buche Bus Butter Dachs Dampf Daumen Decke Delfin Diele Distel Docht Dom
Donner Dorf Dose Drache Draht Duft Ebbe Eber Efeu Eiche Eimer Eis Elch Elster Ente
Erbse Erde Esel Eule Fabrik Faden Fahne Falke Farbe Farn Fass Feder Feige Feld
Fenster Fichte Finger Fisch Flagge Flamme Flasche Floh Fluss Forelle Frosch Fuchs
Funke Gabel Gans Garten Gast Gemse Gerste Gewitter Gips Glas Glocke Gold Graben
Grille Gurke Gurt Hafen Hagel Halm Hammer Harfe Hase Haus Hebel Heft Heide Hemd
Herbst Hirsch Hof Holz Honig Hummel Hund Hut Igel Insel Jacke Jahr Januar Juli
Kachel Kaffee Kamin Kanne Kater Kerze Kessel Kette Kiefer Kiesel Kirsche Kissen Klee
Knopf Koffer Kohle Korb Krebs Krone Krug Kuchen Kugel Kupfer Kutsche Lampe Land
Laterne Laub Lehm Leiter Lerche Licht Linde Mai Mandel Markt Marmor Meer Messer
Milch Minze Mond Moos Morgen Motor Mulde Museum Nacht Nadel Nelke Nest Netz Norden
Note Nuss Ofen Ohr Oktober Orgel Osten Otter Paket Palme Papier Pappel Pfad Pfeil
Pferd Pilz Platz Quelle Rabe Raupe Regal Ring Salz Schaf Segel Sommer Sonne Spargel
Specht Spiegel Spinne Stern Stiefel Storch Strauch Tafel Taube Teller Tiger Tinte
Topf Treppe Trommel Tulpe Tunnel Turm Uhu Veilchen Vogel Vulkan Wagen Wald Wasser
Wecker Wiese Winter Wolke Zange Zaun Zebra Ziege Zirkus Zitrone Zucker Zwiebel
"""
_WORDS: Final = tuple(_TEXT.split())


def words_of(data: bytes) -> str:
    """Twelve words, one for each of the first 12 bytes (96 bits) of a SHA-256.

    The hash runs over a label and the data, so that no other hash of the product can be
    spoken in its place.
    """
    digest = hashlib.sha256(b"staffelstab/1 fingerprint\0" + data).digest()
    return " ".join(_WORDS[byte] for byte in digest[:12])
