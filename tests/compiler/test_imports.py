"""`from … import`: whole declarations from files beside the model, and from nowhere else."""

from pathlib import Path

import pytest

import graphdsl
from graphdsl.driver import check
from graphdsl.language.source import read_source

LAYER = "const width = 4\n\nblock Layer(x) {\n  param W: [3, width] = 1\n  return x @ W\n}\n"
MODEL = 'from "layers.gdl" import Layer\n\ninput x: [2, 3]\noutput y = Layer(x)\n'


def codes(path: Path) -> list[str]:
    """The codes of a file's errors."""
    return [d.code for d in check(read_source(path)) if d.severity == "error"]


def write(folder: Path, **files: str) -> Path:
    """Write `name.gdl` files; the path of `model.gdl`."""
    for name, text in files.items():
        (folder / f"{name}.gdl").write_text(text)
    return folder / "model.gdl"


def test_a_block_is_imported_with_what_it_sees(tmp_path: Path) -> None:
    model = graphdsl.load(write(tmp_path, layers=LAYER, model=MODEL))
    assert model.run(x=[[1, 2, 3]] * 2)["y"].tolist() == [[6] * 4] * 2


def test_an_imported_constant_is_not_overridden(tmp_path: Path) -> None:
    path = write(tmp_path, layers=LAYER, model=MODEL)
    with pytest.raises(graphdsl.ModelError, match="no constant 'width'"):
        graphdsl.load(path, width=7)


def test_imports_may_import(tmp_path: Path) -> None:
    outer = 'from "inner.gdl" import Layer\n\nblock Two(x) {\n  return Layer(x) + 1\n}\n'
    model = 'from "outer.gdl" import Two\n\ninput x: [2, 3]\noutput y = Two(x)\n'
    path = write(tmp_path, inner=LAYER, outer=outer, model=model)
    assert graphdsl.load(path).run(x=[[1, 1, 1]] * 2)["y"].tolist() == [[4] * 4] * 2


def test_a_circle_is_an_error(tmp_path: Path) -> None:
    a = 'from "b.gdl" import B\n\nblock A(x) {\n  return x\n}\n'
    b = 'from "a.gdl" import A\n\nblock B(x) {\n  return x\n}\n'
    model = 'from "a.gdl" import A\n\ninput x\noutput y = A(x)\n'
    assert codes(write(tmp_path, a=a, b=b, model=model)) == ["E0332"]


def test_a_name_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path, layers=LAYER, model=MODEL.replace("Layer", "Leyer"))
    (diagnostic,) = [d for d in check(read_source(path)) if d.code == "E0331"]
    assert diagnostic.help == ("did you mean 'Layer'?",)


@pytest.mark.parametrize("written", ["../layers.gdl", "/etc/passwd", "a/../../b.gdl", "C:x.gdl"])
def test_a_path_that_leaves_the_folder_is_refused(tmp_path: Path, written: str) -> None:
    (tmp_path / "layers.gdl").write_text(LAYER)
    inner = tmp_path / "inner"
    inner.mkdir()
    assert "E0334" in codes(write(inner, model=MODEL.replace("layers.gdl", written)))


def test_a_link_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "layers.gdl").write_text(LAYER)
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "layers.gdl").symlink_to(tmp_path / "layers.gdl")
    assert "E0334" in codes(write(inner, model=MODEL))


def test_include_allows_another_folder(tmp_path: Path) -> None:
    (tmp_path / "layers.gdl").write_text(LAYER)
    inner = tmp_path / "inner"
    inner.mkdir()
    model = graphdsl.load(write(inner, model=MODEL), include=[tmp_path])
    assert model.outputs["y"].shape == (2, 4)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    assert "E0335" in codes(write(tmp_path, layers=LAYER, model=MODEL.replace("layers", "layer")))


def test_faults_of_an_imported_file_are_told_where_they_stand(tmp_path: Path) -> None:
    path = write(tmp_path, layers="block Layer(x) {\n  return x +\n}\n", model=MODEL)
    found = [d for d in check(read_source(path)) if d.primary]
    assert any(d.primary and d.primary.span.source.name.endswith("layers.gdl") for d in found)


def test_a_text_imports_nothing() -> None:
    with pytest.raises(graphdsl.ModelError) as caught:
        graphdsl.loads(MODEL)
    assert caught.value.diagnostics[0].code == "E0333"


def test_a_missing_file_is_the_only_fault(tmp_path: Path) -> None:
    model = 'from "gone.gdl" import Q\n\ninput x: [3]\noutput y = Q(x)\n'
    assert codes(write(tmp_path, model=model)) == ["E0335"]


def test_a_circle_through_the_model_is_told_once(tmp_path: Path) -> None:
    other = 'from "model.gdl" import A, C\n\nblock B(x) {\n  return A(x) + C(x)\n}\n'
    model = 'from "b.gdl" import B\n\nblock A(x) {\n  return B(x)\n}\n\ninput x\noutput y = A(x)\n'
    (diagnostic,) = check(read_source(write(tmp_path, b=other, model=model)))
    assert diagnostic.code == "E0332"
    assert diagnostic.message.endswith("model.gdl imports b.gdl imports model.gdl")


def test_a_file_that_imports_itself_is_told_once(tmp_path: Path) -> None:
    model = 'from "model.gdl" import f\n\nblock f(x) {\n  return x\n}\n\ninput x\noutput y = f(x)\n'
    (diagnostic,) = check(read_source(write(tmp_path, model=model)))
    assert (diagnostic.code, diagnostic.message) == ("E0332", "'model.gdl' imports itself")


def test_names_of_a_file_with_faults_are_not_told_of(tmp_path: Path) -> None:
    path = write(tmp_path, layers="block Layer(x) {\n  return x +\n}\n", model=MODEL)
    assert codes(path) == ["E0115"]


def test_files_are_called_as_the_model_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "more").mkdir()
    faulty = "block {}(x) {{\n  return x + nowhere\n}}\n"
    (tmp_path / "more" / "other.gdl").write_text(faulty.format("Other"))
    model = (
        'from "layers.gdl" import Layer\nfrom "other.gdl" import Other\n\ninput x\n'
        "output y = Layer(x) + Other(x)\n"
    )
    write(tmp_path / "models", layers=faulty.format("Layer"), model=model)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(graphdsl.ModelError) as caught:
        graphdsl.load("models/model.gdl", include=[Path("more")])
    found = [d.primary.span.source.name for d in caught.value.diagnostics if d.primary]
    assert [Path(name).as_posix() for name in found] == ["models/layers.gdl", "more/other.gdl"]
