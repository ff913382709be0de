"""The model behind the table of targets: of a thousand, a batch touches the rows that it brings, and moves them only when it must."""

from dataclasses import replace
from datetime import timedelta

import pytest

from console.desktop.pages.target_order import Group, Head
from console.desktop.pages.targets_delegate import spoken
from console.desktop.pages.targets_model import LINE, TargetsModel
from console.model.verbs import State
from console.model.views import Fact
from tests.desktop import samples

COUNT = 1000


class Seen:
    """What a view over the model is told."""

    def __init__(self, model):
        self.rows, self.layouts = [], 0
        model.dataChanged.connect(lambda first, last: self.rows.extend(range(first.row(), last.row() + 1)))
        model.layoutChanged.connect(self.laid_out)
        model.modelReset.connect(self.laid_out)

    def laid_out(self):
        self.layouts += 1


@pytest.fixture
def fleet():
    return list(samples.fleet(COUNT))


@pytest.fixture
def model(qapp, fleet):
    made = TargetsModel(spoken)
    made.show(fleet)
    made.seen = Seen(made)
    return made


def names(model):
    return [line.group if isinstance(line, Head) else line.name for line in map(model.line, range(model.rowCount()))]


def read_again(view, seconds=1):
    return replace(view, weight=replace(view.weight, read_back=Fact(0.0, samples.NOW + timedelta(seconds=seconds))))


def test_newer_readings_touch_their_own_rows_alone(model, fleet):
    for number in (3, 500):
        fleet[number] = read_again(fleet[number])
    assert not model.show(fleet)
    assert sorted(model.seen.rows) == sorted(model.row_of(fleet[number].name) for number in (3, 500))
    assert model.seen.layouts == 0
    assert model.index(model.row_of(fleet[3].name), 0).data(LINE) is fleet[3]


def test_a_target_that_needs_a_person_goes_up_and_is_counted(model, fleet):
    fleet[500] = replace(fleet[500], state=State.DRIFT)
    assert model.show(fleet)
    assert model.seen.layouts == 1
    assert names(model)[:2] == [Group.PERSON, fleet[500].name]
    assert model.row_of(fleet[500].name) == 1
    assert (model.count(Group.PERSON), model.count(Group.CALM)) == (1, COUNT - 1)


def test_targets_come_and_go(model, fleet):
    gone, new = fleet.pop(7), samples.target("aaa")
    assert model.show([*fleet, new])
    assert model.row_of(gone.name) == -1
    assert model.row_of("aaa") == 1
    assert model.shown == COUNT
    assert model.count(Group.CALM) == COUNT


def test_a_target_that_takes_the_place_of_another_is_no_change_in_place(model, fleet):
    fleet[7] = replace(fleet[7], name="aaa")
    assert model.show(fleet)
    assert model.row_of("aaa") == 1


def test_a_filter_holds_for_what_comes(model, fleet):
    model.narrow("9.9", frozenset())
    assert model.shown == 0
    fleet[42] = replace(fleet[42], stable_version="9.9")
    model.show(fleet)
    assert names(model) == [Group.CALM, fleet[42].name]
    fleet[42], fleet[43] = read_again(fleet[42]), read_again(fleet[43])
    model.seen.rows.clear()
    assert not model.show(fleet)
    assert model.seen.rows == [1]
    model.narrow("", frozenset({State.DRIFT}))
    fleet[5] = replace(fleet[5], state=State.DRIFT)
    model.show(fleet)
    assert names(model) == [Group.PERSON, fleet[5].name]
