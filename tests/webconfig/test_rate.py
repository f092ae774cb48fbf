from dicom_exporter.webconfig.rate import TokenBucket


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_token_bucket_allows_burst_then_one_each_interval() -> None:
    clock = Clock()
    bucket = TokenBucket(2.0, 3, clock)
    assert [bucket.take() for _ in range(5)] == [True, True, True, False, False]
    clock.now += 1.9
    assert not bucket.take()
    clock.now += 0.2
    assert bucket.take()
    assert not bucket.take()


def test_token_bucket_idle_time_saves_at_most_burst() -> None:
    clock = Clock()
    bucket = TokenBucket(1.0, 2, clock)
    clock.now += 1_000_000
    assert [bucket.take() for _ in range(3)] == [True, True, False]


def test_token_bucket_burst_of_zero_allows_nothing() -> None:
    clock = Clock()
    bucket = TokenBucket(1.0, 0, clock)
    clock.now += 10
    assert not bucket.take()
