"""Other settings of the lessons' parameters, two of each, within reason: a reader changes them one day.

For each lesson two runs, each with all these in place of what its cell `parameters` says; sources, as they
would be typed. `make settings` runs the lessons with them; `make test` looks whether a parameter is missing.
"""

OTHERS: dict[str, list[dict[str, str]]] = {
    "01": [
        {"WORD": "'no'", "FIRST": "0", "SECOND": "7", "BITS": "3", "NOISE": "0.0", "EXAMPLES": "300",
         "EPOCHS": "1"},
        {"WORD": "'abracadabra'", "FIRST": "10**60", "SECOND": "5", "BITS": "12", "NOISE": "0.4",
         "EXAMPLES": "1001", "EPOCHS": "3"},
    ],
    "02": [
        {"DELAY": "1", "CHUNK": "8", "SHORT": "2", "UNITS": "4", "UPDATES": "20", "RATE": "0.01",
         "SIGMA": "0.9", "THRESHOLD": "0.1"},
        {"DELAY": "12", "CHUNK": "30", "SHORT": "7", "UNITS": "30", "UPDATES": "101", "RATE": "0.3",
         "SIGMA": "1.3", "THRESHOLD": "5.0"},
    ],
    "03": [
        {"BRACKETS": "'((a)b)(c).'", "TEXTS": "40", "EPOCHS": "2", "UNITS": "5", "LENGTHS": "(7,)",
         "UPDATES": "1", "SEEDS": "1", "COMPILED": "False"},
        {"BRACKETS": "'a(bc(a(b)c)).'", "TEXTS": "101", "EPOCHS": "3", "UNITS": "20", "LENGTHS": "(4, 9, 12)",
         "UPDATES": "5", "SEEDS": "3", "COMPILED": "True"},
    ],
    "04": [
        {"EPOCHS": "1", "UNITS": "5", "LONG_EPOCHS": "2", "CHORALE": "0", "SEED": "0", "SHARPNESS": "0.5",
         "VOICES": "1", "BEATS": "4"},
        {"EPOCHS": "3", "UNITS": "30", "LONG_EPOCHS": "1", "CHORALE": "7", "SEED": "7", "SHARPNESS": "3.0",
         "VOICES": "3", "BEATS": "40"},
    ],
    "05": [
        {"UNITS": "8", "SHOWN": "1", "FLOORS": "2", "EPOCHS": "2", "DIGIT_EPOCHS": "2",
         "DIGIT_WEIGHTS": "5_000", "SIDE": "2", "ROWS": "32"},
        {"UNITS": "40", "SHOWN": "5", "FLOORS": "4", "EPOCHS": "7", "DIGIT_EPOCHS": "3",
         "DIGIT_WEIGHTS": "60_000", "SIDE": "10", "ROWS": "101"},
    ],
    "06": [
        {"TEXT": "str(root / 'utils' / 'recurrent.py')", "PROMPT": "'def '", "TEMPERATURE": "0.3",
         "READ": "20_000", "UNITS": "8", "EPOCHS": "2", "STREAMS": "8", "CHUNK": "16"},
        {"TEXT": "str(root / 'README.md')", "PROMPT": "'R'", "TEMPERATURE": "1.5", "READ": "50_000",
         "UNITS": "20", "EPOCHS": "3", "STREAMS": "7", "CHUNK": "21"},
    ],
    "07": [
        {"MY_REVIEW": "'Bad.'", "WORDS": "300", "LENGTH": "10", "FEW": "64", "READ": "64", "UNITS": "1",
         "PAIRS": "16", "EPOCHS": "2"},
        {"MY_REVIEW": "'Zxqw! ' * 100", "WORDS": "50_000", "LENGTH": "51", "FEW": "201", "READ": "303",
         "UNITS": "7", "PAIRS": "1_000", "EPOCHS": "3"},
    ],
    "08": [
        {"PHOTO": "str(root / 'data' / 'photos' / 'dog_snow.jpg')", "NETWORK": "'VGG16'",
         "SCENE_EPOCHS": "1", "PHOTOS": "60", "UNITS": "5", "EPOCHS": "1", "RARE": "1", "BEAM": "1"},
        {"PHOTO": "None", "NETWORK": "'MobileNetV2'", "SCENE_EPOCHS": "3", "PHOTOS": "301", "UNITS": "70",
         "EPOCHS": "3", "RARE": "20", "BEAM": "7"},
    ],
    "09": [
        {"SENTENCE": "'Zxqw!'", "LANGUAGE": "'fr'", "PAIRS": "64", "UNITS": "5",
         "EPOCHS": "2", "RARE": "1", "BEAM": "1"},
        {"SENTENCE": "'Der Hund, der Hund. ' * 12", "LANGUAGE": "'de'", "PAIRS": "200", "UNITS": "40",
         "EPOCHS": "3", "RARE": "20", "BEAM": "7"},
    ],
    "10": [
        {"LINES": "['?']", "DIALOGUES": "150", "RARE": "4", "UNITS": "12", "SPEAK_EPOCHS": "1", "EPOCHS": "2",
         "RATE": "0.02", "AGAINST": "0.0"},
        {"LINES": "['', 'Zxqw zxqw.', 'Hi ' * 100]", "DIALOGUES": "301", "RARE": "1", "UNITS": "20",
         "SPEAK_EPOCHS": "2", "EPOCHS": "3", "RATE": "0.05", "AGAINST": "2.0"},
    ],
    "11": [
        {"PHOTO": "str(root / 'data' / 'photos' / 'pizza.jpg')", "NETWORK": "'VGG16'", "SCENE_EPOCHS": "2",
         "PHOTOS": "20", "UNITS": "5", "EPOCHS": "1", "STRENGTH": "0.0", "BEAM": "1"},
        {"PHOTO": "None", "NETWORK": "'MobileNetV2'", "SCENE_EPOCHS": "1", "PHOTOS": "151", "UNITS": "40",
         "EPOCHS": "2", "STRENGTH": "3.0", "BEAM": "7"},
    ],
    "12": [
        {"RECORDING": "''", "STRINGS": "32", "DIGIT_UNITS": "5", "DIGIT_EPOCHS": "2", "SENTENCES": "16",
         "UNITS": "5", "EPOCHS": "2", "STACK": "2"},
        {"RECORDING": "None", "STRINGS": "101", "DIGIT_UNITS": "20", "DIGIT_EPOCHS": "1", "SENTENCES": "101",
         "UNITS": "20", "EPOCHS": "7", "STACK": "4"},
    ],
    "13": [
        {"FILM": "3", "FILMS": "20", "UNITS": "5", "WORD_EPOCHS": "2", "COLOUR_EPOCHS": "2", "EPOCHS": "2",
         "VIEWS": "1", "DROPOUT": "0.0"},
        {"FILM": "-1", "FILMS": "33", "UNITS": "20", "WORD_EPOCHS": "1", "COLOUR_EPOCHS": "3", "EPOCHS": "7",
         "VIEWS": "3", "DROPOUT": "0.5"},
    ],
    "14": [
        {"FILM": "3", "FILM_EPOCHS": "2", "CLIPS": "20", "UNITS": "5", "EPOCHS": "2", "SEEDS": "2",
         "PHOTOS": "20", "PHOTO_EPOCHS": "2"},
        {"FILM": "-1", "FILM_EPOCHS": "6", "CLIPS": "33", "UNITS": "20", "EPOCHS": "3", "SEEDS": "1",
         "PHOTOS": "33", "PHOTO_EPOCHS": "1"},
    ],
    "15": [
        {"PHOTO": "str(root / 'data' / 'photos' / 'pizza.jpg')", "ORDER": "'frequent first'", "SCENES": "300",
         "SCENE_EPOCHS": "1", "PHOTOS": "100", "UNITS": "5", "EPOCHS": "1", "BEAM": "1"},
        {"PHOTO": "None", "ORDER": "'random'", "SCENES": "1001", "SCENE_EPOCHS": "2", "PHOTOS": "301",
         "UNITS": "20", "EPOCHS": "2", "BEAM": "7"},
    ],
    "16": [
        {"PHOTO": "str(root / 'data' / 'photos' / 'pizza.jpg')", "NOISE": "0.0", "LANDSCAPES": "5",
         "PHOTOS": "4", "EPOCHS": "1", "HIDDEN": "1", "ITERATIONS": "1", "SEEDS": "2"},
        {"PHOTO": "None", "NOISE": "80.0", "LANDSCAPES": "33", "PHOTOS": "13", "EPOCHS": "9", "HIDDEN": "40",
         "ITERATIONS": "4", "SEEDS": "1"},
    ],
    "17": [
        {"STROKES": "1", "DIGITS": "100", "UNITS": "5", "LATENT": "1", "POINTS": "2", "EPOCHS": "1",
         "BATCH": "7", "RATE": "1e-3"},
        {"STROKES": "11", "DIGITS": "60", "UNITS": "20", "LATENT": "9", "POINTS": "9", "EPOCHS": "2",
         "BATCH": "20", "RATE": "1e-2"},
    ],
    "18": [
        {"GLIMPSES": "1", "UNITS": "5", "SPREAD": "0.05", "PICTURES": "20", "EPOCHS": "2", "PAIR_EPOCHS": "1",
         "WHOLE_EPOCHS": "2", "PAIR_GLIMPSES": "1"},
        {"GLIMPSES": "4", "UNITS": "20", "SPREAD": "0.5", "PICTURES": "33", "EPOCHS": "1", "PAIR_EPOCHS": "2",
         "WHOLE_EPOCHS": "1", "PAIR_GLIMPSES": "3"},
    ],
    "19": [
        {"TEXT": "str(root / 'utils' / 'recurrent.py')", "UNITS": "5", "STREAMS": "5", "CHUNK": "16",
         "STEPS": "9", "RATE": "0.01", "JAX_PYTHON": "'nowhere'"},
        {"TEXT": "None", "UNITS": "20", "STREAMS": "14", "CHUNK": "5", "STEPS": "21", "RATE": "1e-4",
         "JAX_PYTHON": "sys.executable"},
    ],
}  # fmt: skip
