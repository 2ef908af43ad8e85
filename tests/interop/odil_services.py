"""odil as a provider of verification, storage and query/retrieve: ``PORT FOLDER [FILE...]``.

It runs under the system's own interpreter, for which odil is made. It takes one association after the other, and keeps
what is stored in the folder. The ports of move destinations are in ``destinations.json`` there, by AE title.
"""

import json
import sys

import odil

port, folder = int(sys.argv[1]), sys.argv[2]
archive = []
for name in sys.argv[3:]:
    with odil.open(name) as file:
        archive.append(odil.Reader.read_file(file)[1])
UNIQUE = {b"PATIENT": "PatientID", b"STUDY": "StudyInstanceUID", b"SERIES": "SeriesInstanceUID"}
SUCCESS = 0


def value(data_set, tag):
    if not data_set.has(tag) or data_set.empty(tag) or not data_set.is_string(tag):
        return None
    return data_set.as_string(tag)[0].rstrip(b"\0 ")


def unique_key(keys):
    return getattr(odil.registry, UNIQUE.get(value(keys, odil.registry.QueryRetrieveLevel), "SOPInstanceUID"))


def chosen(keys):
    tags = [getattr(odil.registry, name) for name in (*UNIQUE.values(), "SOPInstanceUID")]
    return [one for one in archive if all(value(keys, tag) in (None, value(one, tag)) for tag in tags)]


class Matches(odil.FindSCP.DataSetGenerator):
    def __init__(self):
        odil.FindSCP.DataSetGenerator.__init__(self)
        self.left = []

    def initialize(self, request):
        keys = request.get_data_set()
        unique = unique_key(keys)
        found = {value(one, unique): one for one in chosen(keys)}
        for one in found.values():
            match = odil.DataSet()
            for tag in keys:
                if one.has(tag):
                    match.add(tag, one[tag])
                else:
                    match.add(tag)
            match.add(odil.registry.QueryRetrieveLevel, keys[odil.registry.QueryRetrieveLevel])
            self.left.append(match)

    def done(self):
        return not self.left

    def next(self):
        self.left.pop(0)

    def get(self):
        return self.left[0]


class Chosen:
    """What a retrieve sends."""

    left = ()

    def initialize(self, request):
        self.left = chosen(request.get_data_set())

    def count(self):
        return len(self.left)

    def done(self):
        return not self.left

    def next(self):
        self.left.pop(0)

    def get(self):
        return self.left[0]


class Instances(Chosen, odil.GetSCP.DataSetGenerator):
    def __init__(self):
        odil.GetSCP.DataSetGenerator.__init__(self)


class Transfers(Chosen, odil.MoveSCP.DataSetGenerator):
    def __init__(self):
        odil.MoveSCP.DataSetGenerator.__init__(self)

    def get_association(self, request):
        name = request.get_move_destination()
        name = (name.decode() if isinstance(name, bytes) else name).strip()
        with open(f"{folder}/destinations.json") as known:
            there = json.load(known)[name]
        syntaxes, role = [odil.registry.ExplicitVRLittleEndian], odil.AssociationParameters.PresentationContext.Role.SCU
        classes = sorted({value(one, odil.registry.SOPClassUID).decode() for one in archive})
        contexts = [
            odil.AssociationParameters.PresentationContext(2 * number + 1, sop_class, syntaxes, role)
            for number, sop_class in enumerate(classes)
        ]
        made = odil.Association()
        made.set_peer_host("127.0.0.1")
        made.set_peer_port(there)
        parameters = made.update_parameters()
        parameters.set_calling_ae_title("ODIL").set_called_ae_title(name).set_presentation_contexts(contexts)
        return made


def echo(request):
    print("echo", flush=True)
    return SUCCESS


def store(request):
    uid = request.get_affected_sop_instance_uid()
    uid = uid.decode() if isinstance(uid, bytes) else uid
    with odil.open(f"{folder}/{uid}.dcm", "wb") as stream:
        odil.Writer.write_file(request.get_data_set(), stream)
    print("store", uid, flush=True)
    return SUCCESS


while True:
    association = odil.Association()
    association.receive_association("v4", port)
    echo_scp, store_scp = odil.EchoSCP(association), odil.StoreSCP(association)
    find_scp, get_scp, move_scp = odil.FindSCP(association), odil.GetSCP(association), odil.MoveSCP(association)
    matches, instances, transfers = Matches(), Instances(), Transfers()
    echo_scp.set_callback(echo)
    store_scp.set_callback(store)
    find_scp.set_generator(matches)
    get_scp.set_generator(instances)
    move_scp.set_generator(transfers)
    commands = odil.messages.Message.Command
    perform = {
        int(commands.C_ECHO_RQ): echo_scp,
        int(commands.C_STORE_RQ): store_scp,
        int(commands.C_FIND_RQ): find_scp,
        int(commands.C_GET_RQ): get_scp,
        int(commands.C_MOVE_RQ): move_scp,
    }
    try:
        while True:
            message = association.receive_message()
            perform[message.get_command_field()](message)
    except (odil.AssociationReleased, odil.AssociationAborted) as end:
        print(type(end).__name__, flush=True)
