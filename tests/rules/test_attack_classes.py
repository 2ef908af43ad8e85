"""What a peer, a disk or a clock may do to this program, class by class, and the tests that show what becomes of it."""

from __future__ import annotations

import ast
from functools import cache

import pytest
from helpers import attacks
from helpers.source import python_files, tree_of

LEAST_VARIANTS = 300

CLASSES: dict[str, tuple[str, ...]] = {
    # What a peer sends
    "not DICOM at all": (
        "test_attacks_bytes.py::test_before_an_association",
        "test_attacks_process.py::test_each_is_answered_told_in_one_line_and_the_next_peer_served",
    ),
    "nothing, or one byte an hour": (
        "test_attacks_bytes.py::test_who_says_too_little_is_closed_without_a_word",
        "test_attacks_bytes.py::test_dribbled_bytes_do_not_renew_artim",
        "test_attacks_process.py::test_who_says_nothing_is_closed_by_a_short_artim_and_told_of",
    ),
    "PDU: type unknown, or unexpected in its state": (
        "test_attacks_bytes.py::test_in_an_association",
        "test_machine_cells.py::test_defined_cell",
    ),
    "PDU: length 0, 1, 4 GiB, over the limit": (
        "test_attacks_bytes.py::test_before_an_association",
        "test_attacks_bytes.py::test_b21_a_length_of_four_gigabytes_is_refused_at_the_header_and_costs_nothing",
    ),
    "PDU: truncated, split at every byte, many in one segment": (
        "test_attacks_bytes.py::test_a_request_that_is_cut_off_leaves_nothing",
        "test_attacks_bytes.py::test_a_session_byte_by_byte_gives_the_same_answers",
        "test_attacks_bytes.py::test_a_whole_session_in_one_segment_gives_the_same_answers",
    ),
    "A-ABORT in every state": (
        "test_machine_cells.py::test_defined_cell",
        "test_attacks_bytes.py::test_after_the_abort_an_abort_closes_at_once",
        "test_network_life.py::test_a_peer_that_goes_during_the_negotiation_ends_it",
        "test_network_life.py::test_a_peer_that_aborts_during_the_delay_ends_it",
    ),
    "release collision": (
        "test_client_against_bad_servers.py::test_b16_release_collision_is_an_orderly_end_for_both",
        "test_machine_cells.py::test_defined_cell",
    ),
    "after an A-ABORT": (
        "test_attacks_bytes.py::test_after_the_abort_a_stubborn_peer_is_answered_a_few_times_and_then_closed",
        "test_attacks_bytes.py::test_who_is_told_to_go_and_stays_is_closed_when_artim_runs_out",
    ),
    "request: version, application context, titles, items": (
        "test_attacks_association.py::test_a_wrong_request_is_answered_as_the_standard_says",
        "test_attacks_association.py::test_who_was_refused_and_stays_is_closed",
        "test_attacks_association.py::test_who_was_let_in_gets_an_answer_or_an_abort",
    ),
    "request: titles that are checked": ("test_attacks_association.py::test_titles_that_are_checked",),
    "request: too many associations": (
        "test_attacks_association.py::test_one_association_too_many_is_rejected_and_the_place_is_free_at_once_when_one_ends",
        "test_attacks_association.py::test_connections_that_never_negotiate_do_not_take_the_places_of_associations",
    ),
    "request: contexts and UIDs": (
        "test_attacks_association.py::test_each_context_is_judged_alone",
        "test_attacks_association.py::test_128_contexts_are_all_answered",
    ),
    "request: maximum length 0 and 1": (
        "test_attacks_association.py::test_b07_what_the_peer_takes_is_kept_to",
        "test_attacks_association.py::test_a_peer_that_leaves_no_room_for_an_answer_is_aborted",
    ),
    "P-DATA": (
        "test_attacks_messages.py::test_a_fault_is_aborted_with_its_reason",
        "test_attacks_messages.py::test_data_on_a_context_that_was_refused_is_aborted",
        "test_attacks_messages.py::test_b26_a_change_of_context_in_mid_message_is_aborted_with_2_5_and_nothing_is_kept",
    ),
    "command sets": (
        "test_attacks_messages.py::test_a_fault_is_aborted_with_its_reason",
        "test_attacks_messages.py::test_what_is_odd_but_clear_is_answered",
        "test_attacks_messages.py::test_an_operation_that_is_not_offered_is_answered_0211_not_as_an_echo",
    ),
    "message ids in use, C-CANCEL for nothing": (
        "test_attacks_messages.py::test_a_message_id_in_use_is_answered_0210_and_the_first_one_is_not_lost",
        "test_attacks_messages.py::test_a_storm_of_cancels_for_nothing_is_not_answered_and_harms_nobody",
    ),
    "requests without end": (
        "test_attacks_messages.py::test_requests_without_end_are_not_read_until_those_before_are_answered",
    ),
    "paths in UIDs and titles": (
        "test_attacks_disk.py::test_a_uid_that_is_none_names_no_file_inside_or_outside_of_the_folder",
        "test_attacks_disk.py::test_a_class_or_titles_of_garbage_name_no_file_either",
        "test_attacks_datasets.py::test_a_destination_that_is_none_is_unknown",
        "test_attacks_process.py::test_what_cannot_be_stored_is_told_in_one_line",
    ),
    "data sets: broken, enormous, deep": (
        "test_attacks_disk.py::test_a_data_set_is_stored_as_it_came_whatever_is_in_it",
        "test_attacks_datasets.py::test_every_data_set_is_answered_whatever_is_in_it",
        "test_attacks_datasets.py::test_every_missing_data_set_is_answered",
        "test_attacks_datasets.py::test_what_was_stored_can_be_found_again_or_at_least_does_no_harm",
        "test_attacks_messages.py::test_a_data_set_over_the_limit_is_aborted_and_nothing_is_kept",
    ),
    "data sets: a deflated bomb": (
        "test_attacks_datasets.py::test_a_deflated_bomb_is_kept_as_it_is_and_costs_no_memory",
        "test_scan.py::test_a_bomb_is_inflated_to_the_limit_and_no_further",
    ),
    "data sets: small to send, large to decode": (
        "test_attacks_cost.py::test_a_sequence_of_empty_items",
        "test_attacks_cost.py::test_many_elements_and_deep_ones",
    ),
    "data sets: without an end, or where none belongs": (
        "test_attacks_cost.py::test_three_data_sets_of_200_mb_without_an_end",
    ),
    "text: markup, formulas, escapes, bidirectional": (
        "test_attacks_datasets.py::test_text_of_a_peer_is_one_plain_line_on_a_terminal",
        "test_every_widget.py::test_no_text_is_taken_for_markup",
        "test_spreadsheet.py::test_no_cell_is_a_formula",
        "test_tables.py::test_what_a_terminal_would_act_on_is_escaped",
        "test_client_against_bad_servers.py::test_b19_a_comment_of_controls_cannot_break_a_line",
    ),
    "the same instance again, four at once": (
        "test_attacks_disk.py::test_the_same_instance_from_four_at_once_is_kept_once_and_whole",
        "test_attacks_disk.py::test_instances_of_one_uid_and_other_data_are_all_kept_under_safe_names",
    ),
    # Time
    "slow loris at each phase": (
        "test_attacks_time.py::test_who_stops_is_ended_by_artim_or_the_idle_time_and_leaves_nothing",
        "test_attacks_time.py::test_dribbled_data_holds_nobody_up",
        "test_network_tls.py::test_b14_a_silent_caller_holds_up_nobody",
    ),
    "FIN and RST at each phase, half-open lines": (
        "test_attacks_time.py::test_who_goes_is_noticed_at_once",
        "test_attacks_time.py::test_a_line_that_breaks_at_any_byte_never_makes_a_success_of_a_failure",
    ),
    "a peer that never reads": (
        "test_attacks_time.py::test_who_never_reads_is_held_in_bounds_and_ended",
        "test_client_against_bad_servers.py::test_a_peer_that_stops_to_read_is_given_up_and_the_rest_is_not_waited_for",
    ),
    "thousands of idle connections": (
        "test_attacks_time.py::test_300_idle_connections_cost_nobody_the_service",
        "test_attacks_time.py::test_of_a_crowd_that_says_nothing_the_oldest_gives_way",
        "test_attacks_process.py::test_thousands_of_idle_connections_with_few_handles",
    ),
    "a storm of reconnects": ("test_attacks_time.py::test_a_storm_of_200_reconnects_leaves_nothing",),
    # Our side as user
    "servers: instead of an association": (
        "test_client_against_bad_servers.py::test_instead_of_an_answer_to_the_association_request",
        "test_client_against_bad_servers.py::test_an_ac_that_comes_before_the_request_is_read_as_the_answer_to_it",
    ),
    "servers: contexts never proposed": (
        "test_client_against_bad_servers.py::test_a_context_that_was_not_agreed_on_is_never_used",
    ),
    "servers: responses of others, pending for ever": (
        "test_client_against_bad_servers.py::test_instead_of_the_response_to_an_echo",
        "test_client_against_bad_servers.py::test_instead_of_the_response_to_a_store",
        "test_client_against_bad_servers.py::test_a_success_before_the_data_set_is_there_is_a_lie",
        "test_network_find.py::test_a_stream_that_stops_runs_into_its_own_time_out_also_after_it_was_held",
    ),
    "servers: stores that nobody asked for": (
        "test_client_against_bad_servers.py::test_requests_of_a_server_are_refused_and_the_association_goes_on",
        "test_network_retrieve.py::test_a_store_that_nobody_asked_for_is_refused_by_the_client",
    ),
    "servers: sub-operations that lie, success with less than announced": (
        "test_client_against_lying_archives.py::test_a_get_that_is_lied_to_is_no_success",
        "test_client_against_lying_archives.py::test_a_move_to_us_that_is_lied_to_is_no_success",
    ),
    "servers: the end": ("test_client_against_bad_servers.py::test_instead_of_the_answer_to_a_release",),
    "exit codes": (
        "test_cli_commands.py::test_exit_code_1_for_a_failure_status",
        "test_cli_commands.py::test_exit_code_3_for_what_is_no_dicom_server",
        "test_cli_commands.py::test_exit_code_3_for_a_silent_peer_after_the_time_out",
    ),
    # Disk, index, clock, address
    "disk: full, read-only, failing, at each step": (
        "test_attacks_disk.py::test_a_disk_that_fails_is_answered_a700_and_used_again_when_it_works",
        "test_attacks_disk.py::test_a_disk_that_fills_up_in_the_middle_keeps_nothing_and_the_peer_can_go_on",
        "test_attacks_process.py::test_a_real_limit_on_the_size_of_files_is_a_full_disk_and_the_rest_is_served",
        "test_writer_faults.py::test_a_disk_that_is_really_full",
        "test_writer_faults.py::test_a_disk_that_becomes_read_only",
        "test_writer_faults.py::test_name_too_long",
    ),
    "disk: the folder goes": (
        "test_attacks_disk.py::test_a_folder_that_is_removed_is_never_answered_success_and_works_again_when_it_is_back",
        "test_attacks_disk.py::test_a_folder_that_is_removed_in_mid_data_set",
    ),
    "disk: kill -9 under load": (
        "test_attacks_disk.py::test_kill_9_under_load_loses_nothing_that_was_acknowledged_and_tears_nothing",
        "test_durability.py::test_twenty_kills_under_load_lose_nothing_that_was_acknowledged",
    ),
    "disk: a power cut": ("test_writer.py::test_success_means_synced",),
    "index: locked, damaged, not to be written": (
        "test_faults.py::test_an_index_that_is_locked_keeps_no_instance_out_and_nobody_waiting",
        "test_faults.py::test_an_index_that_is_damaged_while_it_is_used_is_told_of_and_made_anew",
        "test_faults.py::test_an_index_that_cannot_be_written_keeps_no_instance_out_and_is_told_of",
    ),
    "clocks that are set": ("test_faults.py::test_a_wall_clock_that_is_set_back_and_forth_disturbs_nothing",),
    "sleep and resume": (
        "test_faults.py::test_who_wakes_reads_what_came_before_it_looks_at_the_clock",
        "test_faults.py::test_a_response_that_came_during_a_sleep_counts",
        "test_attacks_process.py::test_a_process_that_was_stopped_for_longer_than_its_time_outs_answers_what_came_meanwhile",
    ),
    "port taken, address gone": (
        "test_server_life.py::test_a_port_in_use_and_other_places_that_cannot_be_listened_on_have_an_error_that_says_so",
        "test_cli_commands.py::test_exit_code_3_for_a_taken_port",
        "test_faults.py::test_an_address_that_goes_while_we_listen_is_served_again_when_it_is_back",
    ),
    # What holds after each
    "told in the trace": (
        "test_attacks_told.py::test_each_attack_has_one_finding",
        "test_attacks_bytes.py::test_every_attack_is_in_the_trace",
    ),
    "memory, handles and threads come back": (
        "test_attacks_process.py::test_memory_handles_and_threads_come_back_to_their_base",
    ),
}  # fmt: skip


@cache
def known_tests() -> frozenset[str]:
    """Each test function of the files that are named, as ``file.py::name``."""
    files = {test.partition("::")[0] for tests in CLASSES.values() for test in tests}
    return frozenset(
        f"{path.rpartition('/')[2]}::{node.name}"
        for path in python_files("tests")
        if path.rpartition("/")[2] in files
        for node in tree_of(path).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


@pytest.mark.parametrize("name", CLASSES)
def test_each_class_has_tests_that_exist(name: str) -> None:
    assert CLASSES[name]
    assert [test for test in CLASSES[name] if test not in known_tests()] == []


@pytest.mark.last
def test_each_of_them_has_passed(request: pytest.FixtureRequest, passed_tests: set[str]) -> None:
    """In a run of some tests only, those of them that were to run."""
    collected = {
        f"{item.path.name}::{item.originalname}" for item in request.session.items if isinstance(item, pytest.Function)
    }
    named = {test for tests in CLASSES.values() for test in tests}
    assert sorted((named & collected) - passed_tests) == []


def test_the_tables_hold_as_many_variants_as_ever() -> None:
    tables = [value for value in vars(attacks).values() if isinstance(value, list | dict) and value]
    assert sum(len(table) for table in tables) >= LEAST_VARIANTS
