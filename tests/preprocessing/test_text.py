"""Texts and sequences as numbers, under Keras' names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gpudl.preprocessing import sequence, text
from gpudl.preprocessing.sequence import TimeseriesGenerator, make_sampling_table, skipgrams
from gpudl.preprocessing.text import Tokenizer, hashing_trick, one_hot, text_to_word_sequence, tokenizer_from_json

TEXTS = ["The cat sat on the mat.", "The dog ate my homework!", ""]


def test_words() -> None:
    assert text_to_word_sequence("It's -- a\ttest,  OK?") == ["it's", "a", "test", "ok"]
    assert text_to_word_sequence("A,B;c", filters="", lower=False, split=",") == ["A", "B;c"]
    assert text_to_word_sequence("猫 が 座る。", filters="。") == ["猫", "が", "座る"]
    with pytest.raises(TypeError, match="a text is expected"):
        text_to_word_sequence(["a"])


def test_numbers_by_a_hash() -> None:
    numbers = one_hot("a b a", 10)
    assert numbers[0] == numbers[2] and all(1 <= n < 10 for n in hashing_trick(" ".join(map(str, range(100))), 10))
    assert hashing_trick("ab c", 5, hash_function=len) == [2 % 4 + 1, 1 % 4 + 1]
    assert one_hot("cat", 1000) == [int("d077f244def8a70e5ea758bd8352fcd8", 16) % 999 + 1], "the same in every run"
    for n, f, words in ((1, None, "n=1"), (5, "sha", "must be a function")):
        with pytest.raises(ValueError, match=words):
            hashing_trick("a", n, f)


def test_numbers_by_frequency() -> None:
    t = Tokenizer()
    t.fit_on_texts(TEXTS)
    assert t.word_index == {w: i for i, w in enumerate("the cat sat on mat dog ate my homework".split(), 1)}
    assert t.word_counts["the"] == 3 and t.word_docs["the"] == 2 and t.document_count == 3
    assert t.texts_to_sequences(["the dog sat", "a bird", ["the", "MAT"]]) == [[1, 6, 3], [], [1, 5]]
    assert t.sequences_to_texts([[1, 6], [99]]) == ["the dog", ""]
    t.fit_on_texts(["dog dog dog dog"])
    assert t.word_index["dog"] == 1


def test_fewer_words_and_unknown_ones() -> None:
    t = Tokenizer(num_words=4, oov_token="?")
    t.fit_on_texts(TEXTS)
    assert t.word_index["?"] == 1 and t.texts_to_sequences(["the cat sat bird"]) == [[2, 3, 1, 1]]
    assert t.sequences_to_texts([[2, 1]]) == ["the ?"]
    t = Tokenizer(num_words=3)
    t.fit_on_texts(TEXTS)
    assert t.texts_to_sequences(["the cat sat"]) == [[1, 2]] and t.texts_to_matrix(["the the"], "count").tolist() == [[0, 2, 0]]
    t = Tokenizer(char_level=True)
    t.fit_on_texts(["abb"])
    assert t.word_index == {"b": 1, "a": 2}


@pytest.mark.parametrize(
    ("mode", "row"),
    [
        ("binary", [0, 1, 1, 0]),
        ("count", [0, 2, 1, 0]),
        ("freq", [0, 2 / 3, 1 / 3, 0]),
        ("tfidf", [0, (1 + np.log(2)) * np.log(1 + 2 / 3), np.log(1 + 2 / 2), 0]),
    ],
)
def test_rows(mode: str, row: list[float]) -> None:
    t = Tokenizer()
    t.fit_on_texts(["a b", "a c"])
    np.testing.assert_allclose(t.texts_to_matrix(["a b a"], mode), [row])


def test_it_is_kept() -> None:
    t = Tokenizer(num_words=5, oov_token="?", filters="!")
    t.fit_on_texts(TEXTS)
    same = tokenizer_from_json(t.to_json())
    assert same.texts_to_sequences(TEXTS) == t.texts_to_sequences(TEXTS) and same.get_config() == t.get_config()
    np.testing.assert_array_equal(same.texts_to_matrix(TEXTS, "tfidf"), t.texts_to_matrix(TEXTS, "tfidf"))


def test_numbers_alone() -> None:
    t = Tokenizer(num_words=4)
    t.fit_on_sequences([[1, 2], [2]])
    assert t.index_docs == {1: 1, 2: 2} and t.sequences_to_matrix([[2, 3, 9]]).tolist() == [[0, 0, 1, 1]]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: Tokenizer(0), ValueError, "num_words=0"),
        (lambda: Tokenizer().fit_on_texts("a text"), TypeError, "a list of texts"),
        (lambda: Tokenizer().texts_to_matrix(["a"]), ValueError, "nothing has been learned"),
        (lambda: Tokenizer(3).texts_to_matrix(["a"], "tfidf"), ValueError, "needs texts"),
        (lambda: Tokenizer(3).texts_to_matrix(["a"], "onehot"), ValueError, "mode must be one of"),
        (lambda: text.Tokeniser, AttributeError, "Did you mean 'Tokenizer'"),
        (lambda: sequence.pad_sequence, AttributeError, "Did you mean 'pad_sequences'"),
        (lambda: TimeseriesGenerator([1, 2], [1], 1), ValueError, "as many steps"),
        (lambda: TimeseriesGenerator([1, 2], [1, 2], 2), ValueError, "reduce length"),
        (lambda: TimeseriesGenerator([1, 2], [1, 2], 1, stride=0), ValueError, "stride=0"),
    ],
)  # fmt: skip
def test_refused(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_windows() -> None:
    data = np.arange(10.0)
    windows = TimeseriesGenerator(data, data * 10, length=4, sampling_rate=2, batch_size=2, stride=2)
    assert [(x.tolist(), y.tolist()) for x, y in windows] == [([[0, 2], [2, 4]], [40, 60]), ([[4, 6]], [80])]
    x, y = TimeseriesGenerator(data, data, 3, start_index=2, end_index=6, reverse=True)[0]
    assert x.tolist() == [[4, 3, 2], [5, 4, 3]] and y.tolist() == [5, 6]
    x, y = TimeseriesGenerator(data, data, 3, shuffle=True, batch_size=50)[0]
    assert (x == y[:, None] - [3, 2, 1]).all() and set(y) == set(range(3, 10))


def test_pairs_of_words() -> None:
    table = make_sampling_table(1000)
    assert (np.diff(table[1:]) > 0).all() and table.max() <= 1
    pairs, labels = skipgrams(range(1, 20), 20, window_size=2, negative_samples=1.0, seed=0)
    near = [abs(a - b) <= 2 for (a, b), label in zip(pairs, labels) if label == 1]
    assert all(near) and len(pairs) == 2 * len(near) and all(1 <= b < 20 for _, b in pairs)
    assert skipgrams([1, 2], 3, 1, 1.0, categorical=True, shuffle=False, seed=0)[1] == [[0, 1]] * 2 + [[1, 0]] * 2
    assert skipgrams([0, 1, 0, 2], 3, 1, 0) == ([], []) and skipgrams([1, 2], 3, sampling_table=[0, 0, 0]) == ([], [])
