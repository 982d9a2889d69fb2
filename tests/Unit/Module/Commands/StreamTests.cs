using System.Management.Automation;
using System.Text.RegularExpressions;
using StableDiffusion.Images;

namespace StableDiffusion.Tests.Module.Commands;

/// <summary>What cmdlets say while they work, and that they stop when they are told to.</summary>
public sealed class StreamTests(CommandShell fixture) : CommandTests(fixture)
{
    [Fact]
    public void The_verbose_stream_has_the_device_and_the_time_of_each_stage()
    {
        Set("scene", Scene);
        ShellResult result = RunWell("$null = New-DiffusionImage 'a' -Steps 2; New-DiffusionImage 'a stream' -NegativePrompt 'no stream' -InitImage $scene -Strength 1 -Steps 2 -OutFile x.png -Verbose");

        string[] patterns =
        [
            "^Device Cpu: .*$", @"^Text encoder: [\d.,]+ ms\.$", @"^Text encoder: [\d.,]+ ms\.$", @"^VAE encoder: [\d.,]+ ms\.$",
            @"^Denoising: [\d.,]+ ms\.$", @"^VAE decoder: [\d.,]+ ms\.$", @"^Writing '.*x\.png': [\d.,]+ ms\.$",
        ];
        string[] lines = [.. result.Verbose.Where(line => !line.StartsWith("Opening", StringComparison.Ordinal) && !line.StartsWith("Performing", StringComparison.Ordinal))];
        Assert.Equal(patterns.Length, lines.Length);
        Assert.All(lines.Zip(patterns), pair => Assert.Matches(pair.Second, pair.First));
    }

    [Fact]
    public void The_progress_has_step_percent_and_time_left_within_that_of_the_batch()
    {
        ShellResult result = RunWell("New-DiffusionImage 'a red house' -Count 2 -Steps 3");

        ProgressRecord[] records = [.. result.Progress.Where(record => record.Activity == "Denoising 'a red house'")];
        Assert.Equal("starting", records[0].StatusDescription);
        ProgressRecord[] steps = [.. records.Where(record => record.StatusDescription.Contains("step", StringComparison.Ordinal))];
        Assert.Contains(steps, record => record.StatusDescription == "step 1 of 3" && record.PercentComplete == 33 && record.SecondsRemaining >= 0);
        Assert.Contains(steps, record => record.StatusDescription == "step 3 of 3" && record.PercentComplete == 100 && record.SecondsRemaining == 0);
        Assert.All(steps, record => Assert.Equal(ProgressRecordType.Processing, record.RecordType));
        Assert.Equal(2, records.Count(record => record.RecordType == ProgressRecordType.Completed));
        Assert.Equal(ProgressRecordType.Completed, records[^1].RecordType);

        ProgressRecord[] batch = Batch(result);
        Assert.All(records, record => Assert.Equal(batch[0].ActivityId, record.ParentActivityId));
        Assert.Equal(("image 1 of 2", 0), (batch[0].StatusDescription, batch[0].PercentComplete));
        Assert.Contains(batch, record => Regex.IsMatch(record.StatusDescription, @"^image 2 of 2, [\d.,]+ images an hour$") && record.PercentComplete == 50 && record.SecondsRemaining >= 0);
        Assert.Equal(ProgressRecordType.Completed, batch[^1].RecordType);
        Assert.Single(batch, record => record.RecordType == ProgressRecordType.Completed);
    }

    [Fact]
    public void The_progress_of_a_pipeline_counts_the_images_and_does_not_guess_how_many_come()
    {
        ProgressRecord[] batch = Batch(RunWell("'a', 'b', 'c' | New-DiffusionImage -Steps 1"));

        Assert.Equal("image 1", batch[0].StatusDescription);
        Assert.Matches(@"^image 3, [\d.,]+ images an hour$", batch[^2].StatusDescription);
        Assert.All(batch, record => Assert.Equal((-1, -1), (record.PercentComplete, record.SecondsRemaining)));
        Assert.Equal(ProgressRecordType.Completed, batch[^1].RecordType);
    }

    [Fact]
    public void One_image_alone_is_no_batch()
    {
        ShellResult result = RunWell("New-DiffusionImage 'a' -Steps 1");

        Assert.Empty(Batch(result));
        Assert.All(result.Progress, record => Assert.Equal(-1, record.ParentActivityId));
    }

    [Theory]
    [InlineData("'a', '', 'b' | New-DiffusionImage -Steps 1")]
    [InlineData("'a', 'b' | New-DiffusionImage -Steps 1 | ForEach-Object { throw 'enough' }")]
    [InlineData("foreach ($once in 1) { 'a', 'b' | New-DiffusionImage -Steps 1 | ForEach-Object { break } }")]
    public void The_progress_of_a_batch_ends_however_the_batch_ends(string script)
    {
        ProgressRecord[] batch = Batch(Run(script));

        Assert.Equal(ProgressRecordType.Completed, batch[^1].RecordType);
        Assert.Single(batch, record => record.RecordType == ProgressRecordType.Completed);
    }

    [Fact]
    public void A_prompt_that_is_cut_is_one_warning_however_many_pictures_there_are()
    {
        Set("long", string.Concat(Enumerable.Repeat("red ", 75)) + "purple heart");
        ShellResult result = RunWell("New-DiffusionImage $long -Count 2 -Steps 1; New-DiffusionImage 'a' -NegativePrompt $long -Steps 1");

        Assert.Equal(2, result.Warnings.Count);
        Assert.All(result.Warnings, warning => Assert.Contains("'purple heart'", warning, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_long_run_can_be_stopped_and_the_next_one_works()
    {
        using ManualResetEventSlim started = new();
        void Watch(ProgressRecord record)
        {
            if (record.StatusDescription.Contains("step", StringComparison.Ordinal))
                started.Set();
        }

        // After the first of the steps, so the stop falls within one of the others.
        ProgressWritten += Watch;
        Task<ShellResult> run = Task.Run(
            () => Run("New-DiffusionImage 'a' -Width 256 -Height 256 -Steps 1000 -OutFile x.png"), TestContext.Current.CancellationToken);
        bool isUnderWay = started.Wait(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
        ProgressWritten -= Watch;
        Assert.True(isUnderWay);
        Stop();
        ShellResult result = await run.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);

        Assert.True(result.Stopped);
        Assert.Empty(result.Errors);
        Assert.Empty(result.Output);
        Assert.Empty(Names);
        Assert.Single(RunWell("New-DiffusionImage 'a' -Steps 1").Values<DiffusionImage>());
    }

    private static ProgressRecord[] Batch(ShellResult result) => [.. result.Progress.Where(record => record.Activity == "Making images")];
}
