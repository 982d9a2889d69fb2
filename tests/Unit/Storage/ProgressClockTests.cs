using StableDiffusion.Storage;

namespace StableDiffusion.Tests.Storage;

public sealed class ProgressClockTests
{
    [Fact]
    public void Between_the_beginning_and_the_end_of_an_activity_the_interval_is_kept()
    {
        List<ProgressReport> reports = [];
        ProgressClock clock = new(reports.Add, TimeSpan.FromDays(1));
        foreach (string activity in (string[])["first", "second"])
        {
            for (int i = 1; i <= 4; i++)
                clock.Report(activity, $"part {i}", i, 4);
        }

        Assert.Equal(
            [("first", "part 1", 0.25), ("first", "part 4", 1), ("second", "part 1", 0.25), ("second", "part 4", 1)],
            reports.Select(report => (report.Activity, report.Detail, report.Fraction)));
    }

    [Fact]
    public void The_rest_is_estimated_from_what_is_done()
    {
        ProgressReport report = new("activity", "detail", 1, 4, TimeSpan.FromSeconds(10));
        Assert.Equal(TimeSpan.FromSeconds(30), report.Remaining);
        Assert.Null((report with { Done = 0 }).Remaining);
    }
}
