"""The Merkle tree grows to the roots of RFC 9162, and its proofs hold for what is in it and for nothing else."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.store.tree import CHUNK, EMPTY, Frontier, Tree, consistent, includes, leaf, node

ENTRIES = [sha256(str(number).encode()).digest() for number in range(CHUNK * 5 + 3)]
VECTOR = [
    bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
"""The entries and roots that implementations of RFC 6962 and 9162 test themselves with."""
ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


def plainly(entries: list[bytes]) -> bytes:
    """Compute a root as the RFC defines it."""
    if len(entries) < 2:
        return leaf(entries[0]) if entries else EMPTY
    split = 1
    while split * 2 < len(entries):
        split *= 2
    return node(plainly(entries[:split]), plainly(entries[split:]))


def tree(size: int) -> Tree:
    return Tree(lambda low, high: ENTRIES[low:high], size)


@pytest.mark.parametrize(("size", "root"), ROOTS.items())
def test_the_known_vectors_give_their_roots(size, root):
    edge = Frontier()
    edge.extend(VECTOR[:size])
    assert edge.root().hex() == root
    assert Tree(lambda low, high: VECTOR[low:high], size).root().hex() == root


@given(st.lists(st.integers(0, 70), max_size=8))
def test_growing_in_any_portions_gives_the_same_root_and_edge(portions):
    edge = Frontier()
    for portion in portions:
        edge.extend(ENTRIES[edge.size : edge.size + portion])
        edge = Frontier(edge.size, edge.peaks)
    assert edge.root() == plainly(ENTRIES[: sum(portions)])
    assert len(edge.peaks) == sum(portions).bit_count()


@given(st.integers(1, len(ENTRIES)), st.data())
def test_an_inclusion_proof_holds_for_its_own_entry_only(size, data):
    index = data.draw(st.integers(0, size - 1))
    proof, root = tree(size).inclusion(index), plainly(ENTRIES[:size])
    assert includes(ENTRIES[index], index, size, proof, root)
    assert not includes(ENTRIES[index], index, size, [*proof, EMPTY], root)
    assert not includes(sha256(b"forged").digest(), index, size, proof, root)
    other = data.draw(st.integers(0, size - 1))
    assert other == index or not includes(ENTRIES[index], other, size, proof, root)
    for place in range(len(proof)):
        assert not includes(ENTRIES[index], index, size, [*proof[:place], EMPTY, *proof[place + 1 :]], root)


@given(st.integers(1, len(ENTRIES)), st.data())
def test_a_consistency_proof_holds_for_its_own_beginning_only(size, data):
    before = data.draw(st.integers(1, size))
    proof, old, new = tree(size).consistency(before), plainly(ENTRIES[:before]), plainly(ENTRIES[:size])
    assert consistent(before, size, proof, old, new)
    assert not consistent(before, size, [*proof, EMPTY], old, new)
    assert not consistent(before, size, proof, EMPTY, new)
    assert not consistent(before, size, proof, old, EMPTY)
    forged = plainly([*ENTRIES[: before - 1], EMPTY])
    assert not consistent(before, size, proof, forged, new)


@pytest.mark.parametrize(("size", "peaks"), [(3, [EMPTY]), (-1, []), (1, [b"short"]), (0, [EMPTY])])
def test_an_edge_that_does_not_fit_its_size_is_refused(size, peaks):
    with pytest.raises(ValueError, match="do not make a tree"):
        Frontier(size, peaks)


def test_proofs_of_what_is_not_there_are_refused():
    for ask in (lambda: tree(3).inclusion(3), lambda: tree(3).consistency(4), lambda: tree(3).consistency(0)):
        with pytest.raises(ValueError, match=r"there is no|has no"):
            ask()
    assert not includes(EMPTY, 0, 0, [], EMPTY)
    assert not consistent(0, 3, [], EMPTY, EMPTY)
