"""What can go wrong with a server beside us.

ClientError
├── ModelError            a model in Triton
│   ├── ModelUnavailable  not there, not ready or broken: worth another try later
│   ├── ModelDeadline     no answer in the time it was given
│   └── ModelRejected     it will not take this input, however often it is asked
└── IndexFault            the index in Milvus
    ├── IndexUnavailable  not there, or no answer in time; whether a write was done is not known
    └── IndexRejected     it will not take this call, however often it is made
"""

from streams.errors import FreshetError


class ClientError(FreshetError):
    """The root: a call to another server failed."""


class ModelError(ClientError):
    """A call to a model failed."""


class ModelUnavailable(ModelError):
    """The model server is not there, not ready or broken. The same call may work later."""


class ModelDeadline(ModelError):
    """The deadline passed. The call was cancelled in the server."""


class ModelRejected(ModelError):
    """The input is not one the model takes. The same call fails every time."""


class IndexFault(ClientError):
    """A call to the index failed."""


class IndexUnavailable(IndexFault):
    """The index is not there or gave no answer in time. A write may have been done or not."""


class IndexRejected(IndexFault):
    """The index takes no such call. The same one fails every time."""
