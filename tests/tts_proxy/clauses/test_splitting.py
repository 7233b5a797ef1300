# ruff: noqa: RUF001 - typographic marks are what this is about
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.text.writing import parts_of
from tts_proxy.clauses.splitting import (
    FIRST_WORDS,
    LONGEST_WORD,
    MOST_CHARACTERS,
    MOST_WORDS,
    Clause,
    Clauses,
    Ending,
    ending_after,
)


def clauses_of(text: str) -> list[tuple[str, Ending]]:
    """All clauses of a text that is there at once."""
    clauses = Clauses()
    clauses.add(text)
    clauses.finish()
    return [(" ".join(clause.words), clause.ending) for clause in taken(clauses)]


def taken(clauses: Clauses) -> list[Clause]:
    result = []
    while clause := clauses.take():
        result.append(clause)
    return result


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello. How are you?", ["Hello.", "How are you?"]),
        ("Well, yes; of course: now!", ["Well,", "yes;", "of course:", "now!"]),
        ("It costs 3.5 million, or 1,000 each.", ["It costs 3.5 million,", "or 1,000 each."]),
        ("It was 3.5. Really.", ["It was 3.5.", "Really."]),
        ("Dr. Smith met Mrs. Jones.", ["Dr. Smith met Mrs. Jones."]),
        ("Fruit, e.g. apples, i.e. food.", ["Fruit,", "e.g. apples,", "i.e. food."]),
        ("At 5 p.m. in the U.S. it rains.", ["At 5 p.m. in the U.S. it rains."]),
        ("J. R. R. Tolkien wrote. It is so.", ["J. R. R. Tolkien wrote.", "It is so."]),
        ("So do I. And me. OK. No.", ["So do I.", "And me.", "OK.", "No."]),
        ("1. Buy milk. 2. Go home.", ["1. Buy milk.", "2. Go home."]),
        ("3D. Print it.", ["3D.", "Print it."]),
        ("Malcolm X. Little spoke.", ["Malcolm X. Little spoke."]),
        ("In 2024. Then.", ["In 2024.", "Then."]),
        ('"Stop!" she said. (Quietly.) So.', ['"Stop!"', "she said.", "(Quietly.)", "So."]),
        ("**Really?** _Yes._ `No.`", ["**Really?**", "_Yes._", "`No.`"]),
        ("Wait... what?! Hm…", ["Wait...", "what?!", "Hm…"]),
        ("One — two – three - four", ["One —", "two –", "three -", "four"]),
        ("well-known, mother-in-law", ["well-known,", "mother-in-law"]),
        ("See www.example.com. Good.", ["See www.example.com.", "Good."]),
        ("It is 10:30 now.", ["It is 10:30 now."]),
        ("Ça va ? Oui !", ["Ça va ?", "Oui !"]),
        ("你好。 再见！", ["你好。", "再见！"]),
        # Each script has its own marks; some write no spaces.
        ("你好，世界。今天好吗？好！", ["你好，", "世界。", "今天好吗？", "好！"]),
        ("他说：「你好。」然后走了；没有回来……", ["他说：", "「你好。」", "然后走了；", "没有回来……"]),
        ("苹果、香蕉 都有", ["苹果、", "香蕉 都有"]),
        ("12：30开会，１，０００人。", ["12：30开会，", "１，０００人。"]),
        ("こんにちは、世界。元気ですか？", ["こんにちは、", "世界。", "元気ですか？"]),
        ("안녕하세요, 여러분. 반갑습니다!", ["안녕하세요,", "여러분.", "반갑습니다!"]),
        ("Привет, мир! Как дела?", ["Привет,", "мир!", "Как дела?"]),
        ("مرحبا، كيف حالك؟ أنا بخير؛ شكرا.", ["مرحبا،", "كيف حالك؟", "أنا بخير؛", "شكرا."]),
        ("یہ اچھا ہے۔ شکریہ", ["یہ اچھا ہے۔", "شکریہ"]),
        ("नमस्ते, दुनिया। आप कैसे हैं?", ["नमस्ते,", "दुनिया।", "आप कैसे हैं?"]),
        ("Բարեւ՝ աշխարհ։ Ինչպես ես", ["Բարեւ՝", "աշխարհ։", "Ինչպես ես"]),
        ("ሰላም፣ ዓለም። እንዴት ነህ፧ ደህና", ["ሰላም፣", "ዓለም።", "እንዴት ነህ፧", "ደህና"]),
        ("မင်္ဂလာပါ၊ကမ္ဘာ။နေကောင်းလား", ["မင်္ဂလာပါ၊", "ကမ္ဘာ။", "နေကောင်းလား"]),
        ("សួស្តី ពិភពលោក។ ល្អ", ["សួស្តី ពិភពលោក។", "ល្អ"]),
        ("བཀྲ་ཤིས།བདེ་ལེགས།", ["བཀྲ་ཤིས།", "བདེ་ལེགས།"]),
        ("שלום, עולם. מה שלומך?", ["שלום,", "עולם.", "מה שלומך?"]),
        ("Γεια σου, κόσμε. Τι κάνεις;", ["Γεια σου,", "κόσμε.", "Τι κάνεις;"]),
        ("", []),
        (" \n\t ", []),
    ],
)
def test_cuts_where_a_speaker_would_pause(text: str, expected: list[str]) -> None:
    assert [words for words, _ in clauses_of(text)] == expected


@pytest.mark.parametrize(
    ("word", "ending"),
    [
        ("end.", Ending.SENTENCE),
        ("end?”", Ending.SENTENCE),
        ("end…", Ending.SENTENCE),
        ("so,", Ending.CLAUSE),
        ("—", Ending.CLAUSE),
        ("1.", Ending.SENTENCE),
        ("Dr.", None),
        ("(e.g.", None),
        ("word", None),
        ("3.5", None),
        ("", None),
    ],
)
def test_tells_how_a_word_ends_a_clause(word: str, ending: Ending | None) -> None:
    assert ending_after(word) is ending


def test_the_end_of_the_text_ends_a_sentence() -> None:
    assert clauses_of("no mark at all") == [("no mark at all", Ending.SENTENCE)]


def test_an_unfinished_clause_waits() -> None:
    clauses = Clauses()
    clauses.add("Hello, my dear")
    assert taken(clauses) == [Clause(("Hello,",), Ending.CLAUSE)]
    assert clauses.characters == len("mydear")
    clauses.add("friend.")
    assert taken(clauses) == [Clause(("my", "dear", "friend."), Ending.SENTENCE)]
    assert clauses.characters == 0


def test_the_first_clause_leaves_after_a_few_words() -> None:
    clauses = Clauses()
    for word in range(1, FIRST_WORDS):
        clauses.add(f"word{word}")
        assert clauses.take() is None
    clauses.add("more")
    assert clauses.take() == Clause(("word1", "word2", "word3", "word4", "more"), Ending.CUT)


def test_later_clauses_are_waited_for_but_not_without_limit() -> None:
    clauses = Clauses()
    clauses.add("Yes.")
    assert clauses.take()
    for _ in range(MOST_WORDS - 1):
        clauses.add("go")
        assert clauses.take() is None
    clauses.add("go")
    assert clauses.take() == Clause(("go",) * MOST_WORDS, Ending.CUT)


def test_the_first_clause_leaves_after_a_few_characters_of_a_script_without_spaces() -> None:
    clauses = Clauses()
    clauses.add("今天天气非常好我们一")
    assert clauses.take() == Clause(("今天天气非常好我们一",), Ending.CUT)
    clauses.add("起去公园散步吧")
    assert clauses.take() is None
    assert clauses.take_waiting() == Clause(("起去公园散步吧",), Ending.CUT)


def test_a_clause_without_spaces_is_as_long_as_others_to_hear() -> None:
    clauses = Clauses()
    clauses.add("好。" + "中" * 200)
    assert clauses.take() == Clause(("好。",), Ending.SENTENCE)
    clause = clauses.take()
    assert clause is not None
    assert len("".join(clause.words)) == 2 * MOST_WORDS


@pytest.mark.parametrize(("lengths", "count"), [([20] * 6, 5), ([59, 60, 1], 2), ([60, 60, 1], 1), ([100, 19, 1], 2)])
def test_a_clause_has_so_many_characters_with_its_spaces(lengths: list[int], count: int) -> None:
    clauses = Clauses()
    clauses.add("Yes. " + " ".join("x" * length for length in lengths))
    assert clauses.take()
    clause = clauses.take()
    assert clause == Clause(tuple("x" * length for length in lengths[:count]), Ending.CUT)


@pytest.mark.parametrize(("length", "pieces"), [(100, [100]), (101, [100, 1]), (250, [100, 100, 50])])
def test_a_longer_word_is_several(length: int, pieces: list[int]) -> None:
    clauses = Clauses()
    clauses.add("x" * length)
    clauses.finish()
    assert [len(word) for clause in taken(clauses) for word in clause.words] == pieces


def test_the_limits_are_these() -> None:
    """They bound how long an engine is busy, and how long the first sound is waited for."""
    assert (MOST_WORDS, MOST_CHARACTERS, LONGEST_WORD, FIRST_WORDS) == (25, 120, 100, 5)


def test_long_words_fill_a_clause_sooner() -> None:
    clauses = Clauses()
    clauses.add("Yes. " + "abcdefghijklmnopqrst " * 7)
    assert clauses.take()
    clause = clauses.take()
    assert clause == Clause(("abcdefghijklmnopqrst",) * 5, Ending.CUT)


@pytest.mark.parametrize(
    ("waiting", "spoken"),
    [
        ("I believe that the", "I believe that"),
        ("a cup of", "a cup of"),
        ("of the", "of the"),
        ("Nothing", "Nothing"),
        ("Everything we", "Everything"),
    ],
)
def test_a_cut_leaves_weak_words_to_what_follows(waiting: str, spoken: str) -> None:
    clauses = Clauses()
    clauses.add(waiting)
    assert clauses.take_waiting() == Clause(tuple(spoken.split()), Ending.CUT)


def test_nothing_waits_in_no_text() -> None:
    assert Clauses().take_waiting() is None


def test_what_waits_may_end_a_clause_by_itself() -> None:
    clauses = Clauses()
    clauses.add("Well, yes")
    assert clauses.take_waiting() == Clause(("Well,",), Ending.CLAUSE)


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8) | st.sampled_from(
    ["e.g.", "Dr.", "3.5", "end.", "so,", "—", "well", "the", "?!", "x" * (LONGEST_WORD + 5)]
)


@given(pieces=st.lists(st.lists(words, max_size=12).map(" ".join), max_size=20), impatient=st.sets(st.integers(0, 19)))
def test_no_word_is_lost_added_or_moved(pieces: list[str], impatient: set[int]) -> None:
    clauses = Clauses()
    out = []
    for index, piece in enumerate(pieces):
        clauses.add(piece)
        out += taken(clauses)
        if index in impatient and (clause := clauses.take_waiting()):
            out.append(clause)
    clauses.finish()
    out += taken(clauses)

    assert "".join(word for clause in out for word in clause.words) == "".join(" ".join(pieces).split())
    assert all(0 < len(clause.words) <= MOST_WORDS for clause in out)
    assert all(len(" ".join(clause.words)) <= MOST_CHARACTERS for clause in out)
    assert clauses.characters == 0


@given(text=st.lists(words.filter(lambda word: len(word) <= LONGEST_WORD), max_size=40).map(" ".join))
def test_words_are_left_as_they_were_written(text: str) -> None:
    assert [word for clause, _ in clauses_of(text) for word in clause.split(" ")] == [
        part for word in text.split() for part in parts_of(word)
    ]
