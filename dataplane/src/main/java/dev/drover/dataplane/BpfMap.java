package dev.drover.dataplane;

import java.util.ArrayList;
import java.util.List;

/**
 * A table that programs in the kernel share with this process, by {@code bpf(2)} (Linux
 * {@code Documentation/bpf/map_hash.rst}). Programs that use it hold it: it lives on after {@link #close} and after the
 * process for as long as one of them is attached. Thread-safe until closed; needs CAP_BPF.
 */
final class BpfMap implements AutoCloseable {
    private static final int CREATE_COMMAND = 0;
    private static final int LOOKUP_COMMAND = 1;
    private static final int UPDATE_COMMAND = 2;
    private static final int DELETE_COMMAND = 3;
    private static final int PROGRAM_BY_ID_COMMAND = 13;
    private static final int MAP_BY_ID_COMMAND = 14;
    private static final int INFO_COMMAND = 15;
    private static final int ATTRIBUTES_BYTES = 128;
    private static final int INFO_BYTES = 256;
    private static final int PROGRAM_INFO_MAPS = 52;
    private static final int PROGRAM_INFO_MAP_IDS = 56;
    private static final int MAX_MAPS = 16;

    private static final int HASH = 1;
    private static final int ARRAY = 2;
    private static final int LRU_HASH = 9;
    private static final int NO_PREALLOCATION = 1;

    private final int fd;
    private final int type;
    private final int keyBytes;
    private final int valueBytes;
    private final Slab slab = new Slab();
    /** {@code union bpf_attr} of the commands on entries: map at 0, address of the key at 8, of the value at 16. */
    private final long attributes = slab.allocate(ATTRIBUTES_BYTES);
    /** The same without a value, which the kernel refuses with {@link #DELETE_COMMAND}. */
    private final long keyAttributes = slab.allocate(ATTRIBUTES_BYTES);

    private final long keyAddress;
    private final long valueAddress;

    private BpfMap(int fd, int type, int keyBytes, int valueBytes) {
        this.fd = fd;
        this.type = type;
        this.keyBytes = keyBytes;
        this.valueBytes = valueBytes;
        keyAddress = slab.allocate(keyBytes);
        valueAddress = slab.allocate(valueBytes);
        Memory.putInt(attributes, fd);
        Memory.putLong(attributes + 8, keyAddress);
        Memory.putLong(attributes + 16, valueAddress);
        Memory.putInt(keyAttributes, fd);
        Memory.putLong(keyAttributes + 8, keyAddress);
    }

    /** One counter of 64 bits, under the key 0 of 32 bits. */
    static BpfMap counter() {
        return create(ARRAY, Integer.BYTES, Long.BYTES, 1, 0);
    }

    /** Memory is taken entry by entry. */
    static BpfMap hash(int keyBytes, int valueBytes, int maxEntries) {
        return create(HASH, keyBytes, valueBytes, maxEntries, NO_PREALLOCATION);
    }

    /** Memory is taken at once; when the table is full, the entry that was not used for longest goes. */
    static BpfMap leastRecentlyUsed(int keyBytes, int valueBytes, int maxEntries) {
        return create(LRU_HASH, keyBytes, valueBytes, maxEntries, 0);
    }

    private static BpfMap create(int type, int keyBytes, int valueBytes, int maxEntries, int flags) {
        try (Slab slab = new Slab()) {
            long attributes = slab.allocate(ATTRIBUTES_BYTES);
            Memory.putInt(attributes, type);
            Memory.putInt(attributes + 4, keyBytes);
            Memory.putInt(attributes + 8, valueBytes);
            Memory.putInt(attributes + 12, maxEntries);
            Memory.putInt(attributes + 16, flags);
            int fd = Sys.check("create BPF map", Sys.bpf(CREATE_COMMAND, attributes, ATTRIBUTES_BYTES));
            return new BpfMap(fd, type, keyBytes, valueBytes);
        }
    }

    /** The tables that an attached program uses, for a successor of the process that made them. */
    static List<BpfMap> of(int programId) {
        try (Slab slab = new Slab()) {
            int program = byId("open BPF program " + programId, PROGRAM_BY_ID_COMMAND, programId);
            try {
                long ids = slab.allocate(MAX_MAPS * (long) Integer.BYTES);
                long info = slab.allocate(INFO_BYTES);
                Memory.putInt(info + PROGRAM_INFO_MAPS, MAX_MAPS);
                Memory.putLong(info + PROGRAM_INFO_MAP_IDS, ids);
                info(slab, program, info);
                int count = Math.min(MAX_MAPS, Memory.getInt(info + PROGRAM_INFO_MAPS));
                List<BpfMap> maps = new ArrayList<>();
                for (int i = 0; i < count; i++) {
                    maps.add(open(slab, Memory.getInt(ids + i * (long) Integer.BYTES)));
                }
                return maps;
            } finally {
                Sys.close(program);
            }
        }
    }

    /** {@code struct bpf_map_info}: type, id, key bytes, value bytes. */
    private static BpfMap open(Slab slab, int id) {
        int fd = byId("open BPF map " + id, MAP_BY_ID_COMMAND, id);
        long info = slab.allocate(INFO_BYTES);
        info(slab, fd, info);
        return new BpfMap(fd, Memory.getInt(info), Memory.getInt(info + 8), Memory.getInt(info + 12));
    }

    private static int byId(String what, int command, int id) {
        try (Slab slab = new Slab()) {
            long attributes = slab.allocate(ATTRIBUTES_BYTES);
            Memory.putInt(attributes, id);
            return Sys.check(what, Sys.bpf(command, attributes, ATTRIBUTES_BYTES));
        }
    }

    private static void info(Slab slab, int fd, long info) {
        long attributes = slab.allocate(ATTRIBUTES_BYTES);
        Memory.putInt(attributes, fd);
        Memory.putInt(attributes + 4, INFO_BYTES);
        Memory.putLong(attributes + 8, info);
        Sys.check("ask about BPF object", Sys.bpf(INFO_COMMAND, attributes, ATTRIBUTES_BYTES));
    }

    int fd() {
        return fd;
    }

    /** Whether this is a table of {@link #leastRecentlyUsed} with these sizes. */
    boolean isLeastRecentlyUsed(int keyBytes, int valueBytes) {
        return type == LRU_HASH && this.keyBytes == keyBytes && this.valueBytes == valueBytes;
    }

    /**
     * Makes an entry, or replaces it; readers see the old value or the new one, whole.
     *
     * @throws SysException E2BIG when the table is full
     */
    synchronized void put(int[] key, int[] value) {
        if (value.length * Integer.BYTES != valueBytes) {
            throw new IllegalArgumentException(
                    "value: " + value.length + " words (expected: " + valueBytes + " bytes)");
        }
        key(key);
        for (int i = 0; i < value.length; i++) {
            Memory.putInt(valueAddress + i * (long) Integer.BYTES, value[i]);
        }
        Sys.check("write BPF map", Sys.bpf(UPDATE_COMMAND, attributes, ATTRIBUTES_BYTES));
    }

    /** As {@link #put(int[], int[])}, with a key of one word. */
    void put(int key, int[] value) {
        put(new int[] {key}, value);
    }

    /** Takes an entry away that has to be there. */
    synchronized void remove(int... key) {
        key(key);
        Sys.check("remove from BPF map", Sys.bpf(DELETE_COMMAND, keyAttributes, ATTRIBUTES_BYTES));
    }

    private void key(int[] words) {
        if (words.length * Integer.BYTES != keyBytes) {
            throw new IllegalArgumentException("key: " + words.length + " words (expected: " + keyBytes + " bytes)");
        }
        for (int i = 0; i < words.length; i++) {
            Memory.putInt(keyAddress + i * (long) Integer.BYTES, words[i]);
        }
    }

    /** Value of a {@link #counter}. */
    synchronized long count() {
        Memory.putInt(keyAddress, 0);
        Sys.check("read BPF map", Sys.bpf(LOOKUP_COMMAND, attributes, ATTRIBUTES_BYTES));
        return Memory.getLong(valueAddress);
    }

    @Override
    public synchronized void close() {
        Sys.close(fd);
        slab.close();
    }
}
