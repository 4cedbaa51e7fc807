"""Turn texts into numbers, under the names of `keras.preprocessing.text`: `Tokenizer`, `one_hot`, `text_to_word_sequence`."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from .. import renames
from ..errors import missing_attribute

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
MODES = ("binary", "count", "tfidf", "freq")

Array = np.ndarray[Any, Any]


def text_to_word_sequence(text: str, filters: str = FILTERS, lower: bool = True, split: str = " ") -> list[str]:
    """The words of a text.

    Args:
        text: the text.
        filters: characters that separate words and are left out; default: punctuation, tabs and line ends.
        lower: in small letters, default True.
        split: what separates words, default a space.

    >>> text_to_word_sequence("Hello, World!")
    ['hello', 'world']
    """
    if not isinstance(text, str):
        raise TypeError(f"[text_to_word_sequence] a text is expected. Received: {text!r}")
    text = text.lower() if lower else text
    apart: dict[str, str | int | None] = dict.fromkeys(filters, split)
    return [word for word in text.translate(str.maketrans(apart)).split(split) if word]


def hashing_trick(
    text: str, n: int, hash_function: Callable[[str], int] | str | None = None, filters: str = FILTERS, lower: bool = True, split: str = " "
) -> list[int]:
    """The words of a text as numbers from 1 to n - 1, by a hash: different words may have the same number.

    Args:
        text, filters, lower, split: as for `text_to_word_sequence`.
        n: one more than the largest number, at least 2.
        hash_function: a function from word to integer, or "md5". Default None: md5 too, so that numbers are the same in every run.

    >>> hashing_trick("the cat the", 100)[0] == hashing_trick("the", 100)[0]
    True
    """
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 2:
        raise ValueError(f"[hashing_trick] n must be a whole number >= 2. Received: n={n!r}")
    made = _md5 if hash_function in (None, "md5") else hash_function
    if not callable(made):
        raise ValueError(f"[hashing_trick] hash_function must be a function or 'md5'. Received: {hash_function!r}")
    return [int(made(word)) % (n - 1) + 1 for word in text_to_word_sequence(text, filters, lower, split)]


def _md5(word: str) -> int:
    return int(hashlib.md5(word.encode(), usedforsecurity=False).hexdigest(), 16)


def one_hot(text: str, n: int, filters: str = FILTERS, lower: bool = True, split: str = " ") -> list[int]:
    """`hashing_trick`. In spite of its name it makes numbers, not rows of zeros with a one.

    >>> one_hot("a b a", 50)[0] == one_hot("a", 50)[0]
    True
    """
    return hashing_trick(text, n, None, filters, lower, split)


@renames.checked_keywords
class Tokenizer:
    """Learns the words of texts and numbers them, the most frequent one 1; 0 is no word.

    Args:
        num_words: only words with smaller numbers are used; default: all.
        filters, lower, split: as for `text_to_word_sequence`.
        char_level: characters are the words. Default False.
        oov_token: stands for words that were not learned, and is number 1 then. Default None: they are left out.

    After `fit_on_texts`: `word_index` (word -> number), `index_word`, `word_counts`, `word_docs` (in how many texts), `document_count`.

    >>> t = Tokenizer()
    >>> t.fit_on_texts(["The cat sat on the mat.", "The dog"])
    >>> t.word_index["the"], t.texts_to_sequences(["the dog", "a cat"])
    (1, [[1, 6], [2]])
    """

    def __init__(
        self,
        num_words: int | None = None,
        filters: str = FILTERS,
        lower: bool = True,
        split: str = " ",
        char_level: bool = False,
        oov_token: str | None = None,
        document_count: int = 0,
    ) -> None:
        if num_words is not None and (isinstance(num_words, bool) or not isinstance(num_words, (int, np.integer)) or num_words < 1):
            raise ValueError(f"[Tokenizer] num_words must be a whole number >= 1, or None. Received: num_words={num_words!r}")
        self.num_words, self.filters, self.lower, self.split = num_words, filters, lower, split
        self.char_level, self.oov_token, self.document_count = char_level, oov_token, document_count
        self.word_counts: dict[str, int] = {}
        self.word_docs: dict[str, int] = {}
        self.word_index: dict[str, int] = {}
        self.index_word: dict[int, str] = {}
        self.index_docs: dict[int, int] = {}

    def words(self, text: Any) -> list[str]:
        """The words of a text, or of a list of words."""
        if isinstance(text, (list, tuple)):
            return [w.lower() for w in text] if self.lower else list(text)
        if self.char_level:
            return list(text.lower() if self.lower else text)
        return text_to_word_sequence(text, self.filters, self.lower, self.split)

    # learning ---------------------------------------------------------------------------------------------------------------

    def fit_on_texts(self, texts: Iterable[Any]) -> None:
        """Learn the words of these texts, besides those that are known.

        Args:
            texts: texts, or lists of words.
        """
        if isinstance(texts, str):
            raise TypeError("[Tokenizer.fit_on_texts] a list of texts is expected, not one text: fit_on_texts([text])")
        counts, docs = Counter(self.word_counts), Counter(self.word_docs)
        for text in texts:
            found = self.words(text)
            self.document_count += 1
            counts.update(found)
            docs.update(set(found))
        self.word_counts, self.word_docs = dict(counts), dict(docs)
        ranked = sorted(self.word_counts, key=lambda word: -self.word_counts[word])  # equal ones in the order they came
        ranked = [*([self.oov_token] if self.oov_token is not None else []), *[w for w in ranked if w != self.oov_token]]
        self.word_index = {word: i for i, word in enumerate(ranked, 1)}
        self.index_word = {i: word for word, i in self.word_index.items()}
        self.index_docs = {self.word_index[word]: n for word, n in self.word_docs.items()}

    def fit_on_sequences(self, sequences: Iterable[Iterable[int]]) -> None:
        """Count in how many of these lists of numbers each number stands, for `sequences_to_matrix`."""
        docs = Counter(self.index_docs)
        for sequence in sequences:
            self.document_count += 1
            docs.update(set(sequence))
        self.index_docs = dict(docs)

    # using ------------------------------------------------------------------------------------------------------------------

    def texts_to_sequences(self, texts: Iterable[Any]) -> list[list[int]]:
        """The numbers of the words of each text."""
        return list(self.texts_to_sequences_generator(texts))

    def texts_to_sequences_generator(self, texts: Iterable[Any]) -> Iterator[list[int]]:
        """The same, one text after the other."""
        unknown = self.word_index.get(self.oov_token) if self.oov_token is not None else None
        for text in texts:
            numbers = [self.word_index.get(word) for word in self.words(text)]
            known = [unknown if i is None or (self.num_words is not None and i >= self.num_words) else i for i in numbers]
            yield [i for i in known if i is not None]

    def sequences_to_texts(self, sequences: Iterable[Iterable[int]]) -> list[str]:
        """Texts of the words that the numbers stand for."""
        found = []
        for sequence in sequences:
            words = [self.index_word.get(int(i), self.oov_token) for i in sequence]
            found.append(" ".join(w for w in words if w is not None))
        return found

    def texts_to_matrix(self, texts: Iterable[Any], mode: str = "binary") -> Array:
        """`sequences_to_matrix` of the texts' numbers."""
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(self, sequences: Iterable[Iterable[int]], mode: str = "binary") -> Array:
        """One row a text, one column a word.

        Args:
            sequences: lists of numbers.
            mode: "binary": whether the word is there, "count": how often, "freq": which share of the words it is, "tfidf": a weight that is
                larger for words in few of the texts that were learned.
        """
        if mode not in MODES:
            raise ValueError(f"[Tokenizer] mode must be one of {', '.join(map(repr, MODES))}. Received: mode={mode!r}")
        columns = self.num_words or (len(self.word_index) + 1 if self.word_index else 0)
        if not columns:
            raise ValueError("[Tokenizer] nothing has been learned yet: call fit_on_texts(texts), or pass num_words")
        if mode == "tfidf" and not self.document_count:
            raise ValueError("[Tokenizer] mode='tfidf' needs texts that were learned: call fit_on_texts(texts) first")
        held = [list(s) for s in sequences]
        made = np.zeros((len(held), columns))
        for row, sequence in zip(made, held):
            for i, count in Counter(j for j in sequence if j < columns).items():
                if mode == "count":
                    row[i] = count
                elif mode == "freq":
                    row[i] = count / len(sequence)
                elif mode == "binary":
                    row[i] = 1
                else:
                    row[i] = (1 + np.log(count)) * np.log(1 + self.document_count / (1 + self.index_docs.get(i, 0)))
        return made

    # keeping ----------------------------------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """What was given and learned, as plain data."""
        names = ("num_words", "filters", "lower", "split", "char_level", "oov_token", "document_count")
        learned = ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
        return {**{n: getattr(self, n) for n in names}, **{n: json.dumps(getattr(self, n)) for n in learned}}

    def to_json(self, **kwargs: Any) -> str:
        """The same as JSON, for `tokenizer_from_json`, here and in Keras."""
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)


def tokenizer_from_json(json_string: str) -> Tokenizer:
    """The Tokenizer that `to_json` described.

    >>> t = Tokenizer()
    >>> t.fit_on_texts(["a b"])
    >>> tokenizer_from_json(t.to_json()).word_index
    {'a': 1, 'b': 2}
    """
    config = dict(json.loads(json_string).get("config", {}))
    learned = {n: json.loads(config.pop(n, "{}")) for n in ("word_counts", "word_docs", "index_docs", "index_word", "word_index")}
    made = Tokenizer(**config)
    made.word_counts, made.word_docs, made.word_index = learned["word_counts"], learned["word_docs"], learned["word_index"]
    made.index_docs = {int(i): n for i, n in learned["index_docs"].items()}
    made.index_word = {int(i): w for i, w in learned["index_word"].items()}
    return made


__all__ = ["Tokenizer", "hashing_trick", "one_hot", "text_to_word_sequence", "tokenizer_from_json"]

__getattr__ = missing_attribute(__name__, __all__)
