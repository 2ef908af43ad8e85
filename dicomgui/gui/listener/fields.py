"""What the listener gives, whom it lets in, and what it agrees to: services, TLS, users, roles, negotiation."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from dicomgui.app.configuration.listener_options import CallerRule
from dicomgui.app.configuration.settings import ListenerSettings
from dicomgui.gui.listener.command_fields import CommandFields
from dicomgui.gui.listener.quota_fields import QuotaFields
from dicomgui.gui.listener.service_fields import ServiceFields
from dicomgui.gui.peers.association_fields import AssociationFields
from dicomgui.gui.peers.tls_fields import TlsFields
from dicomgui.gui.widgets.buttons import Choice, push_button
from dicomgui.gui.widgets.fields import YES, FieldSet, Section, check_box
from dicomgui.gui.widgets.text import PlainLabel, count_text

__all__ = ["ListenerFields"]

_RULES = {
    CallerRule.ANY: "everybody",
    CallerRule.REQUIRED: "who names a user (not checked)",
    CallerRule.LISTED: "users of a list, with passcode",
}


class _Admission(FieldSet):
    """Which callers are let in."""

    def __init__(self) -> None:
        super().__init__()
        rule = Choice("listener_callers", "Let in")
        for value, text in _RULES.items():
            rule.addItem(text, value.value)
        self.users_button = push_button("listener_users", "Users …", "nodes", tip="Names and passcodes")
        self.add_row(("callers", "Let in", rule, self.users_button))
        called = check_box("listener_check_called", "Only who calls our AE title")
        anything = check_box("listener_any_sop_class", "Private and unknown objects too")
        self.add_row(("check_called", "", called, None), ("any_sop_class", "", anything, None))
        self.note = PlainLabel(tone="warning", scale=0.9, wrap=True)
        self.note.setObjectName("listener_callers_note")
        self.add_wide(self.note)


class ListenerFields(QWidget):
    """Folded parts below each other: services, all that is about security and the association, and limits.

    :ivar users: names of the users that are let in where they are listed; set by :meth:`set_users`.
    """

    changed = Signal()
    submitted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.users: tuple[str, ...] = ()
        self.services = ServiceFields()
        self.tls = TlsFields("listener", is_server=True)
        self.admission = _Admission()
        self.association = AssociationFields("listener", is_server=True)
        self.quotas = QuotaFields()
        self.commands = CommandFields()
        self._sets: tuple[FieldSet, ...] = (
            self.services,
            self.tls,
            self.admission,
            self.association,
            self.quotas,
            self.commands,
        )
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        for fields in self._sets:
            if fields not in (self.services, self.quotas, self.commands):
                column.addWidget(fields)
            fields.changed.connect(self._on_changed)
            fields.submitted.connect(self.submitted)
        self.section = Section("listener_security", "Security and association", inside)
        self.services_section = Section("listener_services", "Services", self.services)
        self.quotas_section = Section("listener_limits", "Limits", self.quotas)
        self.commands_section = Section("listener_commands", "Commands", self.commands)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(2)
        outer.addWidget(self.services_section)
        outer.addWidget(self.section)
        outer.addWidget(self.quotas_section)
        outer.addWidget(self.commands_section)
        self.show_settings(ListenerSettings())

    def show_settings(self, settings: ListenerSettings) -> None:
        """Fill in."""
        self.users = settings.users
        self.quotas.show_quotas(settings.quotas)
        self.commands.show_commands(settings.commands)
        self.services.show_settings(settings)
        self.tls.set_texts(TlsFields.texts_of(settings.tls, is_on=settings.use_tls))
        self.admission.set_texts({
            "callers": settings.callers.value,
            "check_called": YES if settings.check_called_ae else "",
            "any_sop_class": YES if settings.any_sop_class else "",
        })  # fmt: skip
        self.association.set_texts(
            AssociationFields.texts_of(
                settings.async_ops,
                settings.extended,
                grants_scp=settings.grant_scp_role,
                max_sent_pdu_length=settings.max_sent_pdu_length,
                max_associations=settings.max_associations,
                grants_unperformed=settings.grants_unperformed,
                negotiation=settings.negotiation,
            )
        )
        self._on_changed()

    def set_users(self, users: tuple[str, ...]) -> None:
        """Take the names that the user has listed."""
        if self.users != users:
            self.users = users
            self._on_changed()

    def set_read_only(self, read_only: bool) -> None:
        """Let nothing be changed while it listens."""
        for fields in self._sets:
            fields.set_read_only(read_only)

    def rule(self) -> CallerRule:
        """What callers have to say."""
        return CallerRule(self.admission.texts()["callers"])

    def over(self, settings: ListenerSettings) -> ListenerSettings:
        """``settings`` with what the fields say.

        :raises ConfigurationError: says what is wrong.
        """
        admission = self.admission.texts()
        return replace(
            self.services.over(settings),
            check_called_ae=admission["check_called"] == YES,
            any_sop_class=admission["any_sop_class"] == YES,
            use_tls=self.tls.is_on,
            tls=self.tls.config(),
            callers=self.rule(),
            users=self.users,
            async_ops=self.association.operations(),
            grant_scp_role=self.association.grants_scp(),
            extended=self.association.extended(),
            grants_unperformed=self.association.grants_unperformed(),
            max_associations=self.association.max_associations(),
            negotiation=self.association.negotiation(),
            max_sent_pdu_length=self.association.max_sent_pdu_length(),
            quotas=self.quotas.quotas(),
            commands=self.commands.commands(),
        )

    def _on_changed(self) -> None:
        rule = self.rule()
        listed = rule is CallerRule.LISTED
        self.admission.users_button.setVisible(listed)
        note = ""
        if rule is not CallerRule.ANY and not self.tls.is_on:
            note = "Without TLS, passcodes come over the network in clear."
        if listed and not self.users:
            note = "Nobody is listed yet: everybody is rejected."
        self.admission.note.setText(note)
        self.admission.note.setVisible(bool(note))
        self.section.show_summary(self._summary(rule))
        self.services_section.show_summary(self.services.summary())
        self.quotas_section.show_summary(self.quotas.summary())
        self.commands.show_note(discards=self.services.discards)
        self.commands_section.show_summary(self.commands.summary())
        self.changed.emit()

    def _summary(self, rule: CallerRule) -> str:
        parts = [self.tls.summary()]
        if rule is CallerRule.REQUIRED:
            parts.append("users only")
        elif rule is CallerRule.LISTED:
            parts.append(count_text(len(self.users), "user"))
        parts.append(self.association.summary())
        return " · ".join(filter(None, parts))
