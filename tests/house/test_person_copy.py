"""No table about a case is forgotten when the person asks for everything (DO-34)."""

import pkgutil
from importlib import import_module

import pytest

import node.store
from node.store.tables import metadata

# Where each table about a case stands in the copy, or why it does not.
IN_THE_COPY = {
    "access_log": "looks",
    "case_file": "case",
    "consent": "consents",
    "emergency": "looks, with its reason",
    "document_file": "the documents themselves, in the files to take along",
    "inbound_case": "exchange",
    "outbound_member": "recipients, exchange",
    "record": "records",
    "record_past": "former",
    "relocation_case": "relocations",
    "task": "tasks",
}
NOT_IN_IT = {
    "contact_draft": "half typed, no entry yet; erased with the entry or after 30 days",
    "import_case": "versions, by which a list can be taken back for 30 days",
    "case_past": "who was responsible when; the same days stand in the case",
    "consent_chain": "one number of the exchange log; each consent names its own",
    "erased_case": "made only once the case is erased",
    "tally": "nameless, and made only once the case is erased",
}
ABOUT_A_CASE = {"case", "case_id", "person"}


@pytest.mark.spec("DO-34")
def test_every_table_about_a_case_is_in_the_copy_or_says_why_not():
    for module in pkgutil.iter_modules(node.store.__path__):
        import_module(f"node.store.{module.name}")
    found = {
        table.name
        for table in metadata.sorted_tables
        if ABOUT_A_CASE & {column.name for column in table.columns}
    } | {"case_file"}
    assert found == IN_THE_COPY.keys() | NOT_IN_IT.keys()
