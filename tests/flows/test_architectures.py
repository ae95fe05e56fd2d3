"""The architectures by name, as the command line and scikit-learn offer them."""

import pytest

import pushforward as pf

from ..cases import FLOWS


def test_every_architecture_is_of_one_kind_of_data():
    tables, images = pf.flows.architectures("tables"), pf.flows.architectures("images")
    assert not tables.keys() & images.keys()
    assert {*tables, *images} == {case.subject for case in FLOWS}
    for name, build in {**tables, **images}.items():
        assert build is getattr(pf.flows, name)


def test_an_architecture_for_other_data_is_refused():
    with pytest.raises(ValueError, match=r"`flow` must be one of .*nsf.*, the architectures for tables; got 'glow'"):
        pf.flows.architecture("tables", "glow")


def test_a_setting_that_an_architecture_has_not_is_refused():
    with pytest.raises(ValueError, match=r"`bins` must be left out: `maf` has no such setting"):
        pf.flows.architecture("tables", "maf", ["layers", "bins"])
