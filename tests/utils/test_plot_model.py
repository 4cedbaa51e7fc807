"""plot_model: SVG that parses, what stands in its boxes, text that cannot break out, boxes that do not overlap."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET
from typing import NamedTuple

import pytest

import gpudl
from gpudl import layers
from gpudl.utils import model_to_dot, plot_model

SVG = "{http://www.w3.org/2000/svg}"


def small() -> gpudl.Sequential:
    return gpudl.Sequential([layers.Input((4,)), layers.Dense(64, "relu", name="first"), layers.Dropout(0.2), layers.Dense(3, "softmax")])


def texts(drawing: str) -> list[str]:
    return [t.text or "" for t in ET.fromstring(drawing).iter(f"{SVG}text")]


class Rect(NamedTuple):
    x: float
    y: float
    w: float
    h: float


def rects(drawing: str) -> list[Rect]:
    """The boxes, without the background."""
    found = ET.fromstring(drawing).findall(f"{SVG}rect")[1:]
    return [Rect(*[float(r.attrib[a]) for a in ("x", "y", "width", "height")]) for r in found]


def test_boxes_and_arrows() -> None:
    drawing = plot_model(small(), to_file=None)
    assert texts(drawing) == ["Input", "Dense", "320 parameters", "Dropout", "Dense", "195 parameters"]
    assert len(rects(drawing)) == 4 and len(list(ET.fromstring(drawing).iter(f"{SVG}polygon"))) == 3


def test_what_is_shown() -> None:
    model = small()
    model.layers[0].trainable = False
    flags = ("show_shapes", "show_dtype", "show_layer_names", "show_layer_activations", "show_trainable")
    found = texts(plot_model(model, to_file=None, **dict.fromkeys(flags, True)))
    box = ["first (Dense)", "(None, 64)", "activation: relu", "320 parameters", "frozen", "dtype: float32"]
    assert found[:8] == ["Input", "(None, 4)", *box]
    assert found[-6:-1] == [f"{model.layers[-1].name} (Dense)", "(None, 3)", "activation: softmax", "195 parameters", "trainable"]
    for flag, one in zip(flags, ("(None, 64)", "dtype: float32", "first (Dense)", "activation: relu", "frozen")):
        assert one in texts(plot_model(model, to_file=None, **{flag: True}))
        assert one not in texts(plot_model(model, to_file=None, **{f: f != flag for f in flags}))


@pytest.mark.parametrize("rankdir", ["TB", "LR"])
def test_boxes_lie_in_the_picture_and_do_not_overlap(rankdir) -> None:
    inner = gpudl.Sequential([layers.Input((64,)), layers.Dense(8), layers.Dense(64)])
    model = gpudl.Sequential([layers.Input((4,)), layers.Dense(64), inner, layers.Dense(3, name="a_very_long_name_" * 4)])
    drawing = plot_model(model, to_file=None, rankdir=rankdir, expand_nested=True, show_layer_names=True, show_shapes=True)
    root, found = ET.fromstring(drawing), rects(drawing)
    assert len(found) == 6
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    assert all(r.x > 0 and r.y > 0 and r.x + r.w < width and r.y + r.h < height for r in found)
    for a, b in itertools.pairwise(found):
        assert a.y + a.h + 20 < b.y if rankdir == "TB" else a.x + a.w + 20 < b.x
    for rect, title in zip(found, [t for t in root.iter(f"{SVG}text") if t.attrib.get("font-weight")]):
        half = len(title.text or "") * float(title.attrib["font-size"]) * 0.6 / 2
        x, y = float(title.attrib["x"]), float(title.attrib["y"])
        assert rect.x < x - half and x + half < rect.x + rect.w and rect.y < y < rect.y + rect.h


def test_nested_models() -> None:
    inner = gpudl.Sequential([layers.Input((64,)), layers.Dense(8)], name="inner")
    model = gpudl.Sequential([layers.Input((4,)), layers.Dense(64), inner, layers.Dense(3)])
    assert len(rects(plot_model(model, to_file=None))) == 4
    found = rects(plot_model(model, to_file=None, expand_nested=True))
    assert len(found) == 5 and found[3].x > found[2].x == found[4].x


@pytest.mark.parametrize("name", ["a<b>&c", '"><script>alert(1)</script>', "]]>", "ü漢字", "line\nbreak\x00\x1b[31m", "&amp;"])
def test_names_cannot_break_out(name) -> None:
    model = gpudl.Sequential([layers.Input((4,)), layers.Dense(3, name=name)], name=name)
    drawing = plot_model(model, to_file=None, show_layer_names=True)
    shown = "".join(c if c.isprintable() else "?" for c in name)
    assert f"{shown} (Dense)" in texts(drawing)
    assert {e.tag.removeprefix(SVG) for e in ET.fromstring(drawing).iter()} == {"svg", "title", "rect", "text", "path", "polygon"}


def test_unbuilt_models() -> None:
    found = texts(plot_model(gpudl.Sequential([layers.Dense(3), layers.Dropout(0.1)]), to_file=None, show_shapes=True))
    assert "not built" in found and "?" in [t.strip() for t in found]


def test_an_empty_model() -> None:
    assert texts(plot_model(gpudl.Sequential(), to_file=None)) == ["Input"]


def test_the_file(tmp_path, monkeypatch) -> None:
    model = small()
    drawing = plot_model(model, tmp_path / "model.svg", show_shapes=True)
    assert (tmp_path / "model.svg").read_text(encoding="utf-8") == drawing
    assert drawing._repr_svg_() == drawing and drawing == plot_model(model, to_file=None, show_shapes=True)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.svg").unlink()
    plot_model(small())
    assert [p.name for p in tmp_path.iterdir()] == ["model.svg"]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"to_file": "model.png"}, ValueError, r"drawings are SVG: write to_file='model.svg'. Received: to_file='model.png'"),
        ({"to_file": "no/such/folder/model.svg"}, FileNotFoundError, "does not exist"),
        ({"rankdir": "XY"}, ValueError, "rankdir must be 'TB'"),
        ({"model": 3}, TypeError, "a model is expected. Received: 3"),
        ({"model": gpudl.Sequential}, TypeError, "a model is expected"),
        ({"show_shape": True}, TypeError, "Did you mean 'show_shapes'"),
    ],
)
def test_bad_arguments(arguments, error, words, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=words):
        plot_model(**{"model": small(), **arguments})
    assert list(tmp_path.iterdir()) == []


def test_the_language_of_graphviz() -> None:
    inner = gpudl.Sequential([layers.Dense(2, name="inside")], name='in"ner')
    model = gpudl.Sequential([layers.Input((4,)), layers.Dense(3, "relu", name="first"), inner])
    text = model_to_dot(model, show_shapes=True, expand_nested=True, show_layer_activations=True, show_trainable=True, rankdir="LR", dpi=90)
    assert text.startswith('digraph "') and text.endswith("}\n") and "rankdir=LR, dpi=90" in text
    assert "first (Dense)\\n(None, 3)\\nactivation: relu" in text and 'in\\"ner (Sequential)' in text and "inside (Dense)" in text
    assert [line.strip() for line in text.splitlines() if "->" in line] == ["n0 -> n1;", "n1 -> n2;", "n2 -> n3;"]
    assert model_to_dot(model, subgraph=True).startswith('subgraph "cluster_') and "Dense" in model_to_dot(model, show_layer_names=False)
    with pytest.raises(TypeError, match="Did you mean 'show_shapes'"):
        model_to_dot(model, show_shape=True)
    with pytest.raises(ValueError, match="rankdir='BT'"):
        model_to_dot(model, rankdir="BT")
    with pytest.raises(TypeError, match="a model is expected"):
        model_to_dot(layers.Dense(3))
