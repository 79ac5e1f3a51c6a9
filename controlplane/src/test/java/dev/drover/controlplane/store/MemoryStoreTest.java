package dev.drover.controlplane.store;

class MemoryStoreTest extends StoreContract {
    @Override
    Store open() {
        return new MemoryStore(RETAINED);
    }
}
