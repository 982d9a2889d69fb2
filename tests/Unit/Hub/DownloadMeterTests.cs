using System.Globalization;
using StableDiffusion.Hub;
using StableDiffusion.Storage;

namespace StableDiffusion.Tests.Hub;

public sealed class DownloadMeterTests
{
    [Fact]
    public void A_steady_line_has_its_speed_from_the_start_and_the_time_left_is_right()
    {
        Clock clock = new();
        DownloadMeter meter = new("o/n", 10_000, clock);
        meter.Find(5000);
        Assert.Null(meter.Read().Remaining);
        for (int second = 1; second <= 3; second++)
        {
            clock.Seconds++;
            meter.Receive(1000);
            DownloadProgress progress = meter.Read();
            Assert.Equal(5000 + (1000 * second), progress.Received);
            Assert.Equal(1000, progress.BytesPerSecond, 1e-6);
            Assert.Equal(5 - second, progress.Remaining!.Value.TotalSeconds, 1e-6);
        }

        for (int second = 0; second < 60; second++)
        {
            clock.Seconds++;
            meter.Read();
        }

        Assert.Null(meter.Read().Remaining);
    }

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(999, "999 B")]
    [InlineData(1000, "1.00 kB")]
    [InlineData(99_940, "99.9 kB")]
    [InlineData(999_600, "1.00 MB")]
    [InlineData(3_438_354_725, "3.44 GB")]
    [InlineData(2_500_000_000_000_000, "2500 TB")]
    public void Bytes_are_told_in_the_unit_that_fits(double bytes, string expected)
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        try
        {
            Assert.Equal(expected, ByteSize.Format(bytes));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    private sealed class Clock : TimeProvider
    {
        public long Seconds { get; set; }

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Seconds;
    }
}
