"""First names, last names and towns by language area. Common names only; nobody in particular is meant."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

GERMANY, AUSTRIA, SWITZERLAND = "Deutschland", "Österreich", "Schweiz"
FRANCE, NETHERLANDS, POLAND, SPAIN = "Frankreich", "Niederlande", "Polen", "Spanien"
ITALY, BRITAIN, USA = "Italien", "Vereinigtes Königreich", "USA"
COUNTRIES = (GERMANY, AUSTRIA, SWITZERLAND, FRANCE, NETHERLANDS, POLAND, SPAIN, ITALY, BRITAIN, USA)


@dataclass(frozen=True)
class Area:
    """A language area: its weight in the population, where its people live, and how they are called."""

    weight: int
    countries: tuple[str, ...]
    first: tuple[str, ...]
    last: tuple[str, ...]
    towns: tuple[str, ...]


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(","))


GERMAN_TOWNS = _words(
    "Berlin, Hamburg, München, Köln, Frankfurt am Main, Stuttgart, Düsseldorf, Leipzig, Dresden, Hannover, "
    "Nürnberg, Münster, Mönchengladbach, Lübeck, Würzburg, Göttingen, Tübingen, Görlitz, Bad Tölz, Oer-Erkenschwick, "
    "Rothenburg ob der Tauber, Weil am Rhein, Neustadt an der Weinstraße, Sankt Augustin, Kiel, Mainz, Erfurt, Jena"
)

AREAS: tuple[Area, ...] = (
    Area(
        45,
        (GERMANY,),
        _words(
            "Anna, Lena, Jürgen, Björn, Käthe, Sören, Jörg, Günther, Ursula, Petra, Katharina, Lukas, Maximilian, "
            "Felix, Jonas, Anna-Lena, Karl-Heinz, Hans-Jürgen, Marie-Luise, Heike, Silke, Uwe, Detlef, Annegret, "
            "Matthias, Stefan, Claudia, Birgit, Ingeborg, Tobias, Sebastian, Franziska, Lieselotte, Rüdiger, Bärbel, "
            "Wolfgang, Gisela, Torben, Mareike, Henrike, Ludwig, Friederike, Emil, Ida, Frieda, Oskar, Paul, Greta"
        ),
        _words(
            "Müller, Schmidt, Schneider, Fischer, Weber, Meyer, Wagner, Becker, Schulz, Hoffmann, Schäfer, Koch, "
            "Bauer, Richter, Klein, Wolf, Schröder, Neumann, Schwarz, Zimmermann, Braun, Krüger, Hofmann, Hartmann, "
            "Lange, Werner, Krause, Lehmann, Köhler, Maier, König, Walter, Huber, Kaiser, Fuchs, Peters, Lang, Scholz, "
            "Möller, Weiß, Jung, Hahn, Vogel, Friedrich, Keller, Günther, Groß, Strauß, von der Heide, "
            "Freifrau von Bülow, Müller-Lüdenscheidt, Schulze zur Wiesche, Graf von Strachwitz, Bäumler, Jäger"
        ),
        GERMAN_TOWNS,
    ),
    Area(
        12,
        (AUSTRIA,),
        _words(
            "Franz, Josef, Leopold, Resi, Johanna, Valentina, Florian, Gerhard, Herta, Elfriede, Xaver, Kassandra, "
            "Theresia, Alois, Manfred, Brigitte, Sepp, Waltraud, Julian, Hannah, Ägidius, Wilfried"
        ),
        _words(
            "Gruber, Huber, Bauer, Wagner, Pichler, Steiner, Moser, Mayer, Hofer, Leitner, Berger, Fuchs, Eder, "
            "Schwarz, Winkler, Weber, Maier, Lackner, Brunner, Egger, Wiesinger, Haslinger, Kößler, Pötzl, Öllinger"
        ),
        _words(
            "Wien, Graz, Linz, Salzburg, Innsbruck, Klagenfurt am Wörthersee, Villach, Wels, Sankt Pölten, Dornbirn, "
            "Steyr, Wiener Neustadt, Feldkirch, Bregenz, Mürzzuschlag, Köflach"
        ),
    ),
    Area(
        12,
        (SWITZERLAND,),
        _words(
            "Urs, Reto, Beat, Regula, Vreni, Jürg, Ruedi, Köbi, Annemarie, Nadine, Céline, Laurent, Chiara, Gian, "
            "Flurina, Luca, Noëmi, Mathieu, Seraina, Andri, Hansruedi, Rösli, Loïc, Ladina"
        ),
        _words(
            "Meier, Müller, Keller, Bühler, Zürcher, Frei, Brunner, Baumann, Gerber, Wyss, Zbinden, Schläpfer, "
            "Ammann, Rüegg, Aeschlimann, Hürlimann, Favre, Rochat, Bernasconi, Caduff, Cathomas, Blöchlinger, Gysi"
        ),
        _words(
            "Zürich, Genève, Basel, Lausanne, Bern, Winterthur, Luzern, Sankt Gallen, Lugano, Biel/Bienne, Thun, "
            "Köniz, La Chaux-de-Fonds, Fribourg, Schaffhausen, Chur, Neuchâtel, Uster"
        ),
    ),
    Area(
        4,
        (FRANCE,),
        _words(
            "Éloïse, François, Zoé, Jean-Baptiste, Hélène, Gaël, Amélie, Benoît, Océane, Rémi, Maëlys, Jérôme, "
            "Anaïs, Thérèse, Côme, Françoise"
        ),
        _words(
            "Lefèvre, Dubois, Moreau, Garçon, Bérenger, d'Argent, de La Tour, Périn, Gautier, Chevalier, Noël, "
            "L'Hôte, Beaugrand, Fournier, Châtelain"
        ),
        _words("Paris, Lyon, Orléans, Besançon, Saint-Étienne, Nîmes, Strasbourg, Sète, L'Haÿ-les-Roses, Mâcon"),
    ),
    Area(
        4,
        (POLAND, GERMANY),
        _words("Łukasz, Małgorzata, Paweł, Agnieszka, Michał, Żaneta, Stanisław, Grażyna, Świętosława, Bożena"),
        _words("Wójcik, Kowalczyk, Zieliński, Wiśniewska, Dąbrowski, Łuczak, Świątek, Brzęczyszczykiewicz, Gołąb, Żak"),
        _words("Łódź, Kraków, Wrocław, Poznań, Gdańsk, Rzeszów, Częstochowa, Świnoujście"),
    ),
    Area(
        4,
        (SPAIN, USA),
        _words("José, María José, Begoña, Iñaki, Álvaro, Ángela, Núria, Xavier, Raúl, Montserrat, Íñigo, Belén"),
        _words(
            "García Márquez, Muñoz, Ibáñez, López de la Torre, Núñez, Peña, Gómez, Agüero, Castaño, Puigdomènech, Ordóñez"
        ),
        _words("Madrid, Málaga, A Coruña, Cádiz, L'Hospitalet de Llobregat, Logroño, León, Donostia-San Sebastián"),
    ),
    Area(
        3,
        (NETHERLANDS,),
        _words("Daniël, Sanne, Jeroen, Femke, Zoë, Maarten, Thijs, Lieke, Koen, Anouk, Geert-Jan, Noémie"),
        _words(
            "de Vries, van den Berg, 't Hart, van 't Hoff, IJsselstein, ter Braak, Jansen, Coördes, de Geïn, Bakker"
        ),
        _words("Amsterdam, Rotterdam, 's-Hertogenbosch, Den Haag, Utrecht, IJmuiden, Eindhoven, Súdwest-Fryslân"),
    ),
    Area(
        3,
        (BRITAIN, USA),
        _words("Siobhán, Oliver, Harriet, Nigel, Chloë, Rhys, Eòghann, Beatrice, Zoe, Tamsin, Llŷr, Jo"),
        _words("O'Brien, Smith, Featherstonehaugh, Llewellyn, MacDonald, St. John-Stevas, Ng, Fitzgerald, O, Taylor"),
        _words("London, Leeds, Stoke-on-Trent, Ynys Môn, Bath, Glasgow, St Albans, Newcastle upon Tyne"),
    ),
    Area(
        3,
        (GERMANY, NETHERLANDS, BRITAIN),
        _words("Åsa, Jørgen, Søren, Bjørn, Håkan, Märta, Øyvind, Åse, Ragnhild, Þóra, Guðrún, Aino"),
        _words(
            "Sjögren, Øverland, Lindström, Ångström, Rasmussen, Nygård, Kjær, Þorsteinsdóttir, Hämäläinen, Østergård"
        ),
        _words("Flensburg, Leeuwarden, Edinburgh, Rostock, Kiel, Groningen"),
    ),
    Area(
        3,
        (GERMANY, AUSTRIA),
        _words("Ayşe, İbrahim, Gülşen, Çağlar, Oğuz, Şebnem, Özgür, Ümit, Yıldız, Işıl"),
        _words("Yılmaz, Çelik, Öztürk, Şahin, Güneş, Aydın, Kılıç, Doğan, Erdoğdu, Türkoğlu"),
        _words("Berlin, Wien, Duisburg, Köln, Mannheim, Linz"),
    ),
    Area(
        2,
        (GERMANY, FRANCE, USA),
        _words("Nguyễn Thị, Đức, Hương, Thắng, Phượng, Quỳnh, Tuấn, Ánh"),
        _words("Trần, Phạm, Đặng, Nguyễn, Võ, Huỳnh, Bùi, Lê"),
        _words("Berlin, Paris, Leipzig, San José, Dresden, Lyon"),
    ),
    Area(
        2,
        (GERMANY, USA),
        _words("Γιώργος, Ελένη, Νίκος, Άννα, Δημήτρης, Ιωάννα, Σπύρος, Χρυσούλα"),
        _words("Παπαδόπουλος, Αντωνίου, Γεωργίου, Κωνσταντίνου, Οικονόμου, Ζαχαρίας"),
        _words("Stuttgart, Nürnberg, München, Chicago, Wuppertal"),
    ),
    Area(
        2,
        (GERMANY, AUSTRIA, POLAND),
        _words("Иван, Олена, Драган, Мария, Сергій, Любомир, Анастасия, Юлія"),
        _words("Петров, Шевченко, Јовановић, Коваленко, Димитрова, Щербак"),
        _words("Berlin, Wien, Kraków, Leipzig, Graz, Rzeszów"),
    ),
    Area(
        1,
        (ITALY, SWITZERLAND),
        _words("Nicolò, Lucia, Gianfranco, Matteo, Giosuè, Noemi, Letizia, Dario"),
        _words("D'Angelo, Rossi, De Luca, Esposito, Dell'Acqua, Niccolò, Bianchi, Lo Presti"),
        _words("Roma, Forlì, Bolzano, L'Aquila, Lugano, Reggio nell'Emilia"),
    ),
)

LONG_LAST_NAMES = (
    "Prinzessin zu Hohenlohe-Waldenburg-Schillingsfürst und Freifrau von und zu Guttenberg-Großenritte",
    "Wolfeschlegelsteinhausenbergerdorffwelchevoralternwarengewissenhaftschäferswessenschafewaren",
    "de la Santísima Trinidad Ruiz y Picasso Fernández de Córdoba y Martínez de las Casas Álvarez",
)

_LETTERS = str.maketrans(
    dict(
        zip(
            "абвгдезийіјклмнопрстуфхћцщ",
            [
                "a",
                "b",
                "v",
                "g",
                "d",
                "e",
                "z",
                "i",
                "y",
                "i",
                "j",
                "k",
                "l",
                "m",
                "n",
                "o",
                "p",
                "r",
                "s",
                "t",
                "u",
                "f",
                "h",
                "c",
                "c",
                "shch",
            ],
            strict=True,
        )
    )
    | dict(
        zip(
            "αβγδεζηικλμνξοπρσςτυφχω",
            [
                "a",
                "v",
                "g",
                "d",
                "e",
                "z",
                "i",
                "i",
                "k",
                "l",
                "m",
                "n",
                "x",
                "o",
                "p",
                "r",
                "s",
                "s",
                "t",
                "y",
                "f",
                "ch",
                "o",
            ],
            strict=True,
        )
    )
    | {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae"}
    | {"ı": "i", "ш": "sh", "ч": "ch", "ю": "yu", "я": "ya", "љ": "lj", "є": "ye", "ж": "zh", "э": "e", "ь": ""}
)


def plain_letters(name: str) -> str:
    """The name in lower-case ASCII letters, without blanks, for use in an address; empty if none are left."""
    spelled = unicodedata.normalize("NFC", name.lower()).translate(_LETTERS)
    bare = "".join(part for part in unicodedata.normalize("NFD", spelled) if not unicodedata.combining(part))
    translated = bare.translate(_LETTERS)
    return "".join(letter for letter in translated if letter.isascii() and letter.isalpha())
