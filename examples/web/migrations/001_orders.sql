CREATE TABLE orders (id BIGINT PRIMARY KEY, placed_at TIMESTAMPTZ NOT NULL);
CREATE INDEX orders_by_time ON orders (placed_at);
