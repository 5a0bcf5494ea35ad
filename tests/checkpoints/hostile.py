"""Snapshots that somebody made to do harm, with every checksum right: the user block's and HDF5's own.

Writes NAME.h5 into the current directory for each case, and why it is refused into the file `reasons`, a line
"NAME: words of the message" each. `whole` is good.
"""
import os, struct, zlib
import h5py, numpy as np
from h5py import h5d, h5p, h5s, h5t

reasons = open('reasons', 'w')

def seal(b, schema=1, block=512, body=None, reserved=b''):
    head = struct.pack('<8sIIQI', b'MLSNAP\r\n', schema, block, len(b) - 512 if body is None else body,
                       zlib.crc32(b[512:]))
    b[:512] = head + reserved.ljust(484, b'\0')
    b[508:512] = struct.pack('<I', zlib.crc32(b[:508]))
    return b

def made(fill, libver='latest', **more):
    with h5py.File('being made', 'w', userblock_size=512, libver=libver, **more) as f:
        fill(f)
    return bytearray(open('being made', 'rb').read())

def write(name, reason, b):
    open(name + '.h5', 'wb').write(b)
    reasons.write(name + ': ' + reason + '\n')

def case(name, reason, fill, **more): write(name, reason, seal(made(fill, **more)))

def array(f, name, data, layout=h5d.COMPACT, type=None):
    data = np.asarray(data)
    properties = h5p.create(h5p.DATASET_CREATE)
    properties.set_layout(layout)
    space = h5s.create(h5s.SCALAR) if data.shape == () else h5s.create_simple(data.shape)
    name = name.encode() if isinstance(name, str) else name
    stored = h5d.create(f.id, name, type or h5t.py_create(data.dtype, logical=True), space, properties)
    stored.write(h5s.ALL, h5s.ALL, data, type)

def good(f):
    array(f, 'good', np.arange(3.))
    f.create_dataset('chunked', data=np.arange(2000.), chunks=(2000,), fletcher32=True)
    f.create_dataset('chunks', data=np.arange(60.), chunks=(20,), fletcher32=True)
    f['good'].attrs['rate'] = 0.5
    g = f.create_group('many')
    for i in range(12):
        array(g, str(i), i)
        g.attrs['a%d' % i] = i

# --- made by libhdf5, then sealed with a right user block

def filled(fill):
    def both(f):
        good(f)
        fill(f)
    return both
def bad(name, reason, fill, **more): case(name, reason, filled(fill), **more)
def data(*a, **k): return lambda f: f.create_dataset('x', *a, **k)
def other(d): return lambda f: array(f, 'x', d)
bad('soft link', 'a soft link', lambda f: f.__setitem__('x', h5py.SoftLink('/good')))
bad('dangling soft link', 'a soft link', lambda f: f.__setitem__('x', h5py.SoftLink('/nowhere')))
bad('external link', 'a link to outside',
    lambda f: f.__setitem__('x', h5py.ExternalLink('whole.h5', '/good')))
bad('second hard link', 'reached twice', lambda f: f.__setitem__('x', f['good']))
def cycle(f): f.create_group('g')['back'] = f
bad('cycle to the root', 'reached twice', cycle)
open('secret', 'wb').write(b's' * 1024)
bad('external storage', 'header message of type 7,', data((128,), 'f8', external=[('secret', 0, 1024)]))
layout = h5py.VirtualLayout((3,), 'f8'); layout[:] = h5py.VirtualSource('whole.h5', 'good', (3,))
bad('virtual array', 'virtual array', lambda f: f.create_virtual_dataset('x', layout))
bad('plugin filter', 'filter number 32000', data(data=np.arange(1000.), compression='lzf'))
def unknown_filter(f):
    p = h5p.create(h5p.DATASET_CREATE); p.set_chunk((4,)); p.set_filter(4711, h5py.h5z.FLAG_OPTIONAL, (1,))
    h5d.create(f.id, b'x', h5t.IEEE_F64LE, h5s.create_simple((4,)), p)
bad('unknown filter', 'filter number 4711', unknown_filter)
bad('deflate', 'filter number 1', data(data=np.arange(1000.), compression='gzip'))
bad('deflate bomb', 'filter number 1', data(data=np.zeros(4 << 20), chunks=(4 << 20,), compression='gzip'))
bad('shuffle', 'filter number 2', data(data=np.arange(1000.), shuffle=True, chunks=(1000,)))
bad('scale-offset', 'filter number 6', data(data=np.arange(1000), scaleoffset=0))
bad('two filters', 'or more than one',
    data(data=np.arange(1000.), shuffle=True, fletcher32=True, compression='gzip'))
bad('huge, never written', 'more numbers than the file can hold', data((1 << 50,), 'f8'))
bad('huge, one chunk written', 'more numbers than the file can hold',
    lambda f: data((1 << 22,), 'f4', chunks=(1 << 12,), fletcher32=True)(f).__setitem__(0, 1))
bad('huge in eight dimensions', 'more numbers than the file can hold',
    data((1 << 30,) * 8, 'f4', chunks=(1,) * 8))
bad('never written', 'the wrong size', data((2000,), 'f4', chunks=(2000,), fletcher32=True))
bad('partly written', 'the wrong size',
    lambda f: data((60,), 'f4', chunks=(20,), fletcher32=True)(f).__setitem__(slice(0, 20), 1))
bad('checksum left out', 'without a checksum',
    lambda f: data((20,), 'f8', chunks=(20,), fletcher32=True)(f).id.write_direct_chunk((0,), b'x' * 164, 1))
bad('chunk of another size', 'of the wrong size',
    lambda f: data((20,), 'f8', chunks=(20,), fletcher32=True)(f).id.write_direct_chunk((0,), b'x' * 3, 0))
bad('chunks without checksum', 'without checksums', data(data=np.arange(1000.), chunks=(500,)))
bad('contiguous', 'neither in its header nor in chunks', data(data=np.arange(1000.)))
bad('extensible', 'change its shape',
    data(data=np.arange(10), chunks=(4,), maxshape=(None,), fletcher32=True))
bad('nine dimensions', 'more than 8 dimensions', other(np.zeros((1,) * 9)))
bad('no shape', 'more than 8 dimensions', lambda f: f.__setitem__('x', h5py.Empty('f8')))
bad('compound', 'a type that snapshots do not use', other(np.zeros(2, [('a', 'i4'), ('b', 'f4')])))
def text_type():
    t = h5t.C_S1.copy(); t.set_size(4); t.set_strpad(h5t.STR_NULLPAD); t.set_cset(h5t.CSET_UTF8)
    return t
bad('texts', 'array of texts',
    lambda f: array(f, 'x', np.array([b'text', b'more'], 'S4'), type=text_type()))
bad('ASCII texts', 'a type that snapshots do not use', other(np.array([b'ab', b'c'], 'S2')))
bad('text of variable length', 'a type that snapshots do not use', lambda f: f.__setitem__('x', 'text'))
bad('numbers of variable length', 'a type that snapshots do not use',
    lambda f: f.create_dataset('x', (2,), h5py.vlen_dtype('i4')).__setitem__(0, [1, 2]))
bad('references', 'a type that snapshots do not use',
    lambda f: f.create_dataset('x', data=f['good'].ref, dtype=h5py.ref_dtype))
bad('region references', 'a type that snapshots do not use',
    lambda f: f.create_dataset('x', data=f['good'].regionref[:2], dtype=h5py.regionref_dtype))
def opaque():
    t = h5t.create(h5t.OPAQUE, 4); t.set_tag(b'tag')
    return t
bad('opaque', 'a type that snapshots do not use',
    lambda f: h5d.create(f.id, b'x', opaque(), h5s.create_simple((2,))))
bad('enumeration', 'a type that snapshots do not use', data((2,), h5py.enum_dtype({'a': 1, 'b': 2}, 'i4')))
bad('bits', 'a type that snapshots do not use',
    lambda f: h5d.create(f.id, b'x', h5t.STD_B32LE, h5s.create_simple((2,))))
bad('array type', 'a type that snapshots do not use', data((2,), np.dtype(('f8', (3,)))))
bad('half precision', 'a type that snapshots do not use', other(np.zeros(2, 'f2')))
bad('long double', 'a type that snapshots do not use', other(np.zeros(2, np.longdouble)))
bad('big-endian', 'a type that snapshots do not use', other(np.zeros(2, '>f8')))
bad('narrow integers', 'a type that snapshots do not use', other(np.zeros(2, 'i2')))
def strange_float(f):
    t = h5t.IEEE_F32LE.copy(); t.set_ebias(3)
    h5d.create(f.id, b'x', t, h5s.create_simple((2,)))
bad('float with another exponent', 'a type that snapshots do not use', strange_float)
bad('named type', 'without a type, a shape or a storage layout', lambda f: f.__setitem__('x', np.dtype('f8')))
def of_named(f):
    f['t'] = np.dtype('f8')
    h5d.create(f.id, b'x', f['t'].id, h5s.create_simple((2,)))
bad('array of a named type', 'shares a part of its header', of_named)
bad('not a number', 'number 1 is nan', other([1., np.nan]))
bad('infinity', 'number 0 is -inf', other(np.array([-np.inf], 'f4')))
bad('not a number in chunks', 'is nan',
    lambda f: data(data=np.full(3000, np.nan), chunks=(3000,), fletcher32=True)(f))
def attribute(value): return lambda f: f['good'].attrs.__setitem__('x', value)
bad('attribute that is not a number', 'good:x: number 0 is nan', attribute(np.nan))
bad('attribute list with an infinity', 'good:x: number 1 is inf', attribute([1., np.inf]))
bad('text attribute of variable length', 'a type that snapshots do not use', attribute('text'))
bad('ASCII attribute', 'a type that snapshots do not use', attribute(np.bytes_('text')))
bad('compound attribute', 'a type that snapshots do not use', attribute(np.zeros(2, [('a', 'i4')])))
bad('reference attribute', 'a type that snapshots do not use',
    lambda f: f['good'].attrs.__setitem__('x', f['good'].ref))
bad('table attribute', 'neither a number nor a list', attribute(np.zeros((2, 2))))
bad('huge table attribute', 'neither a number nor a list', attribute(np.zeros((200, 200))))
bad('attribute of 9 dimensions', 'more than 8 dimensions', attribute(np.zeros((1,) * 9)))
bad('float attribute of another width', 'neither a number nor a list', attribute(np.float32(1)))
bad('empty attribute', 'more than 8 dimensions', attribute(h5py.Empty('f8')))
bad('deep groups', 'nested too deep', lambda f: f.create_group('/'.join('g' * 40)))
bad('very deep groups', 'nested too deep', lambda f: f.create_group('/'.join('g' * 3000)))
bad('name with a line break', 'improper name', lambda f: array(f, 'a\nb', 1.))
bad('name that is no text', 'improper name', lambda f: array(f, b'\xff\xfe', 1.))
bad('name with an overlong character', 'improper name', lambda f: array(f, b'\xc0\xae\xc0\xae', 1.))
bad('name with an escape', 'improper name', lambda f: f.create_group('\x1b[2J'))
bad('attribute name with a line break', 'improper name', lambda f: f.attrs.__setitem__('a\nb', 1))
bad('old format', 'not in the HDF5 format of snapshots', lambda f: None, libver='earliest')
bad('another file space strategy', 'extended superblock', lambda f: None, fs_strategy='none')

# --- the bytes of a whole file, changed, with HDF5's own checksums made right again

M = 0xffffffff
def rot(x, k): return (x << k | x >> 32 - k) & M
def lookup3(data):  # Jenkins
    a = b = c = 0xdeadbeef + len(data) & M
    data = bytes(data); n = len(data); i = 0
    while n - i > 12:
        x, y, z = struct.unpack_from('<III', data, i); i += 12
        a = a + x & M; b = b + y & M; c = c + z & M
        a = ((a - c) & M) ^ rot(c, 4); c = c + b & M
        b = ((b - a) & M) ^ rot(a, 6); a = a + c & M
        c = ((c - b) & M) ^ rot(b, 8); b = b + a & M
        a = ((a - c) & M) ^ rot(c, 16); c = c + b & M
        b = ((b - a) & M) ^ rot(a, 19); a = a + c & M
        c = ((c - b) & M) ^ rot(b, 4); b = b + a & M
    if n - i:
        x, y, z = struct.unpack('<III', data[i:].ljust(12, b'\0'))
        a = a + x & M; b = b + y & M; c = c + z & M
        c = ((c ^ b) - rot(b, 14)) & M; a = ((a ^ c) - rot(c, 11)) & M; b = ((b ^ a) - rot(a, 25)) & M
        c = ((c ^ b) - rot(b, 16)) & M; a = ((a ^ c) - rot(c, 4)) & M; b = ((b ^ a) - rot(a, 14)) & M
        c = ((c ^ b) - rot(b, 24)) & M
    return c

whole = made(good)
def u64(b, at): return struct.unpack_from('<Q', b, at)[0]
def put(b, at, form, *values): struct.pack_into('<' + form, b, at, *values)

class Header:  # an object header: its first chunk's messages, as (type, where the content is, bytes)
    def __init__(self, b, at):
        self.b, self.at = b, at
        assert b[at:at + 4] == b'OHDR'
        flags = b[at + 5]
        self.size_at = at + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
        self.size_bytes = 1 << (flags & 3)
        self.size = int.from_bytes(b[self.size_at:self.size_at + self.size_bytes], 'little')
        self.begin = self.size_at + self.size_bytes
        self.step = 6 if flags & 4 else 4
        self.messages, i = [], self.begin
        while i + self.step <= self.begin + self.size:
            n = struct.unpack_from('<H', b, i + 1)[0]
            self.messages.append((b[i], i + self.step, n)); i += self.step + n
    def find(self, kind): return next(m[1] for m in self.messages if m[0] == kind)
    def mend(self): put(self.b, self.begin + self.size, 'I', lookup3(self.b[self.at:self.begin + self.size]))

def root(b): return Header(b, 512 + u64(b, 512 + 36))
def child(b, name):
    for kind, at, n in root(b).messages:
        if kind == 6 and name.encode() in bytes(b[at:at + n]): return Header(b, 512 + u64(b, at + n - 8))
check = bytearray(whole); h = root(check); h.mend(); assert check == whole  # lookup3 is right

def forge(name, reason, change):
    b = bytearray(whole)
    change(b)
    put(b, 512 + 44, 'I', lookup3(b[512:556]))
    write(name, reason, seal(b))
def forge_header(name, reason, of, change):
    def both(b):
        h = root(b) if of == '' else child(b, of)
        change(b, h); h.mend()
    forge(name, reason, both)

write('whole', '', seal(bytearray(whole)))
forge('base address elsewhere', 'the superblock declares', lambda b: put(b, 524, 'Q', 0))
forge('end behind the end', 'the superblock declares', lambda b: put(b, 540, 'Q', len(b) + 1))
forge('end before the end', 'the superblock declares', lambda b: put(b, 540, 'Q', len(b) - 1))
forge('root behind the end', 'points beyond the end', lambda b: put(b, 548, 'Q', 1 << 60))
forge('root in the superblock', 'OHDR', lambda b: put(b, 548, 'Q', 0))
forge('open for writing', 'not closed', lambda b: put(b, 523, 'B', 1))
forge('addresses of 255 bytes', 'not in the HDF5 format of snapshots', lambda b: put(b, 521, 'B', 255))
forge('no signature', 'no signature', lambda b: put(b, 513, 'B', 0))
# The size of its messages is now of 8 bytes.
forge('header without end', 'truncated structure', lambda b: put(b, child(b, 'good').at + 5, 'B', 3))
forge_header('message longer than its header', 'truncated structure', 'good',
             lambda b, h: put(b, h.messages[0][1] - h.step + 1, 'H', 60000))
forge_header('unknown message', 'header message of type 23,', 'good',
             lambda b, h: put(b, h.messages[0][1] - h.step, 'B', 23))
def two_types(b, h):
    at = h.find(1); kind = h.find(3)  # the shape becomes a second type
    put(b, at - h.step, 'B', 3); b[at:at + 12] = b[kind:kind + 12]
forge_header('two types', 'two types', 'good', two_types)
# The size, and the largest that it may be.
def dims(value): return lambda b, h: put(b, h.find(1) + 4, 'QQ', value, value)
forge_header('more numbers than stored', 'declares 32 bytes where 24 are stored', 'good', dims(4))
forge_header('fewer numbers than stored', 'declares 16 bytes where 24 are stored', 'good', dims(2))
forge_header('2^64 - 1 numbers', 'more numbers than the file can hold', 'good', dims(M << 32 | M))
forge_header('2^61 numbers', 'more numbers than the file can hold', 'good', dims(1 << 61))
forge_header('2^63 by 0 numbers', 'more numbers than the file can hold', 'good',
             lambda b, h: put(b, h.find(1) + 1, 'BBBQQ', 2, 0, 1, 1 << 63, 0))
forge_header('rank of 255', 'more than 8 dimensions', 'good', lambda b, h: put(b, h.find(1) + 1, 'B', 255))
forge_header('rank of 2 in a message of 1', 'truncated structure', 'good',
             lambda b, h: put(b, h.find(1) + 1, 'B', 8))
forge_header('header array of 65535 bytes', 'bytes where', 'good',
             lambda b, h: put(b, h.find(8) + 2, 'H', 65535))
forge_header('numbers of 2^32 - 1 bytes', 'a type that snapshots do not use', 'good',
             lambda b, h: put(b, h.find(3) + 4, 'I', M))
forge_header('layout of another class', 'storage layout that snapshots', 'good',
             lambda b, h: put(b, h.find(8) + 1, 'B', 9))
forge_header('layout of another version', 'storage layout that snapshots', 'good',
             lambda b, h: put(b, h.find(8), 'B', 2))
def tail(back, form, value):
    return lambda b, h: put(b, next(m[1] + m[2] for m in h.messages if m[0] == 8) - back, form, value)
forge_header('chunk behind the end', 'points beyond the end', 'chunked', tail(8, 'Q', 1 << 50))
forge_header('chunk across the end', 'truncated structure', 'chunked',
             lambda b, h: tail(8, 'Q', len(b) - 512 - 100)(b, h))
forge_header('chunk at no address', 'points beyond the end', 'chunked', tail(8, 'Q', M << 32 | M))
forge_header('chunk of 2^60 bytes', 'of the wrong size', 'chunked', tail(20, 'Q', 1 << 60))
forge_header('chunk of 3 bytes', 'of the wrong size', 'chunked', tail(20, 'Q', 3))
forge_header('chunk whose filters are skipped', 'without a checksum', 'chunked', tail(12, 'I', M))
def no_length(b, h):
    at = h.find(8) + 4
    b[at + 1:at + 1 + b[at]] = bytes(b[at])
forge_header('chunks of no length', 'chunks larger', 'chunked', no_length)
forge_header('chunk numbers of 255 bytes', 'more than 8 bytes', 'chunked',
             lambda b, h: put(b, h.find(8) + 4, 'B', 255))
forge_header('chunks in a tree', 'chunk index that snapshots', 'chunked',
             lambda b, h: put(b, h.find(8) + 5 + 2 * b[h.find(8) + 4], 'B', 5))
def index(b): return b.find(b'FAHD')
def forge_index(name, reason, change):
    def both(b):
        at = index(b); change(b, at); put(b, at + 24, 'I', lookup3(b[at:at + 24]))
    forge(name, reason, both)
forge_index('index with 2^60 chunks', 'index of chunks', lambda b, at: put(b, at + 8, 'Q', 1 << 60))
forge_index('index with chunks of 0 bytes', 'index of chunks', lambda b, at: put(b, at + 6, 'B', 0))
forge_index('index that lies nowhere', 'points beyond the end',
            lambda b, at: put(b, at + 16, 'Q', M << 32 | M))
forge_index('index that is its own block', 'FADB', lambda b, at: put(b, at + 16, 'Q', at - 512))
forge_index('index in pages', 'more chunks than snapshots', lambda b, at: put(b, at + 7, 'B', 0))
def link_to(name, address):
    def change(b, h):
        kind, at, n = next(m for m in h.messages if m[0] == 6 and name in bytes(b[m[1]:m[1] + m[2]]))
        put(b, at + n - 8, 'Q', address(b))
    return change
forge_header('link behind the end', 'points beyond the end', '', link_to(b'good', lambda b: 1 << 40))
forge_header('link to its own group', 'reached twice', '', link_to(b'good', lambda b: u64(b, 548)))
forge_header('link into the middle of an object', 'OHDR', '', link_to(b'good', lambda b: u64(b, 548) + 4))
forge_header('link with an endless name', 'truncated structure', '',
             lambda b, h: put(b, h.find(6) + (2 if not b[h.find(6) + 1] & 0x10 else 3), 'B', 255))
def rename(b, h):
    at = next(m[1] + m[2] for m in h.messages if m[0] == 6 and b'good' in bytes(b[m[1]:m[1] + m[2]]))
    b[at - 12:at - 8] = b'many'
forge_header('two links of one name', 'two objects of the same name', '', rename)
def signature(letters, field, form, value):
    def change(b):
        at = b.find(letters); put(b, at + field, form, value)
        size = {b'FRHP': 142, b'BTHD': 34}[letters]
        put(b, at + size, 'I', lookup3(b[at:at + size]))
    return change
forge('heap behind the end', 'points beyond the end', signature(b'FRHP', 132, 'Q', 1 << 50))
forge('heap that is its own block', 'FHDB', lambda b: signature(b'FRHP', 132, 'Q', b.find(b'FRHP') - 512)(b))
forge('heap of blocks of no bytes', 'heap of another kind', signature(b'FRHP', 112, 'Q', 0))
forge('heap of blocks of 2^63 bytes', 'heap of another kind', signature(b'FRHP', 120, 'Q', 1 << 63))
forge('heap of 65535 rows', 'heap of another kind', signature(b'FRHP', 140, 'H', 65535))
forge('heap of 8 rows that has none', 'FHIB', signature(b'FRHP', 140, 'H', 8))
forge('heap with offsets of 2^16 bits', 'heap of another kind', signature(b'FRHP', 128, 'H', 65535))
forge('filtered heap', 'filtered heap', signature(b'FRHP', 7, 'H', 1))
forge('tree behind the end', 'points beyond the end', signature(b'BTHD', 16, 'Q', 1 << 50))
forge('tree of 65535 levels', 'B-tree of another kind', signature(b'BTHD', 12, 'H', 65535))
forge('tree of leaves alone that has 3 levels', 'BTIN', signature(b'BTHD', 12, 'H', 3))
forge('tree with records of 1 byte', 'B-tree of another kind', signature(b'BTHD', 10, 'H', 1))
forge('tree with nodes of no bytes', 'B-tree of another kind', signature(b'BTHD', 6, 'I', 0))
forge('tree with nodes of 2^32 - 1 bytes', 'larger B-trees than the file can hold',
      signature(b'BTHD', 6, 'I', M))
forge('tree with 65535 records in a node', 'truncated structure', signature(b'BTHD', 24, 'H', 65535))
forge('tree of another type', 'B-tree of another kind', signature(b'BTHD', 5, 'B', 1))
def fan(b):  # of a tree of objects too large for a heap, all 101 leaves are one
    leaf = len(b) - 512; b += b'BTLF\0\1'.ljust(4096, b'\0')
    node = len(b) - 512
    b += (b'BTIN\0\1' + bytes(24 * 100) + (struct.pack('<Q', leaf) + b'\0') * 101).ljust(4096, b'\0')
    tree = len(b) - 512
    b += b'BTHD\0\1' + struct.pack('<IHHBBQHQ', 4096, 24, 1, 100, 40, node, 100, 100) + bytes(4)
    signature(b'FRHP', 22, 'Q', tree)(b)
    put(b, 540, 'Q', len(b))
forge('tree whose leaves are one leaf', 'larger B-trees than the file can hold', fan)
def continuation(name, reason, where):
    def change(b, h):
        # The fill value, which nothing depends on, becomes a continuation over what follows.
        kind, at, n = next(m for m in h.messages if m[0] == 5)
        end = h.begin + h.size
        put(b, at - h.step, 'BHB', 0x10, 16, 0); put(b, at, 'QQ', *where(b, h))
        if end - at - 16 >= h.step: put(b, at + 16, 'BHB', 0, end - at - 16 - h.step, 0)
    forge_header(name, reason, 'good', change)
continuation('continuation behind the end', 'points beyond the end', lambda b, h: (1 << 40, 64))
continuation('continuation of 2^64 - 1 bytes', 'truncated structure', lambda b, h: (48, M << 32 | M))
continuation('continuation of no bytes', 'truncated structure', lambda b, h: (48, 0))
continuation('continuation into itself', 'malformed header continuation', lambda b, h: (h.at - 512, 64))
def endless(b, h):
    at = len(b) - 512
    b += b'OCHK' + struct.pack('<BHBQQ', 0x10, 16, 0, at, 28) + b'\0' * 4
    put(b, len(b) - 4, 'I', lookup3(b[-28:-4])); put(b, 540, 'Q', len(b))
    return at, 28
continuation('continuation that continues in itself', 'larger headers than the file can hold', endless)
def heap_of_all(f):  # 300 objects say that one heap with 300 attributes is theirs
    g = f.create_group('g')
    for i in range(300): g.attrs.create('key%d' % i, b'x' * 300, dtype=h5py.string_dtype('utf-8', 300))
    for i in range(300):
        attributes = f.create_group('h/%d' % i).attrs
        attributes['a'] = 1
        for j in range(9): attributes['b%d' % j] = j
def shared_heap():
    b = made(heap_of_all)
    wanted = None
    at = b.find(b'OHDR')
    infos = []
    while at >= 0:
        h = Header(b, at)
        for kind, where, n in h.messages:
            if kind == 0x15 and u64(b, where + 2) != M << 32 | M: infos.append((h, where))
        at = b.find(b'OHDR', at + 4)
    total = lambda where: u64(b, 512 + u64(b, where + 10) + 26)
    wanted = max((where for h, where in infos), key=total)
    for h, where in infos:
        b[where + 2:where + 18] = b[wanted + 2:wanted + 18]; h.mend()
    return seal(b)
write('one heap for 300 objects', 'more names and attributes than the file can hold', shared_heap())
write('user block of 1024 bytes', 'malformed user block', seal(bytearray(whole), block=1024))
write('user block of no bytes', 'malformed user block', seal(bytearray(whole), block=0))
write('user block with something reserved', 'malformed user block', seal(bytearray(whole), reserved=b'\0\0x'))
write('body longer than the file', 'truncated', seal(bytearray(whole), body=1 << 62))
write('body of 2^64 - 1 bytes', 'truncated', seal(bytearray(whole), body=M << 32 | M))
write('body shorter than the file', 'expected', seal(bytearray(whole), body=64))
write('body of no bytes', 'signature', seal(bytearray(512)))
write('schema 0', 'schema version 0', seal(bytearray(whole), schema=0))
write('schema of the future', 'schema version 4294967295', seal(bytearray(whole), schema=M))
reasons.close()
