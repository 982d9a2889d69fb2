using System.Management.Automation;
using StableDiffusion.Images;

namespace StableDiffusion.Tests.Module.Commands;

/// <summary>What cmdlets say while they work, and that they stop when they are told to.</summary>
public sealed class StreamTests(CommandShell fixture) : CommandTests(fixture)
{
    [Fact]
    public void The_verbose_stream_has_the_device_and_the_time_of_each_stage()
    {
        Set("scene", Scene);
        ShellResult result = RunWell("$null = New-DiffusionImage 'a' -Steps 2; New-DiffusionImage 'a' -NegativePrompt 'b' -InitImage $scene -Strength 1 -Steps 2 -OutFile x.png -Verbose");

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
    public void The_progress_has_picture_step_percent_and_time_left()
    {
        ShellResult result = RunWell("New-DiffusionImage 'a red house' -Count 2 -Steps 3");

        ProgressRecord[] records = [.. result.Progress.Where(record => record.Activity == "Denoising 'a red house'")];
        Assert.Equal("picture 1 of 2, starting", records[0].StatusDescription);
        ProgressRecord[] steps = [.. records.Where(record => record.StatusDescription.Contains("step", StringComparison.Ordinal))];
        Assert.Contains(steps, record => record.StatusDescription == "picture 1 of 2, step 1 of 3" && record.PercentComplete == 33 && record.SecondsRemaining >= 0);
        Assert.Contains(steps, record => record.StatusDescription == "picture 2 of 2, step 3 of 3" && record.PercentComplete == 100 && record.SecondsRemaining == 0);
        Assert.All(steps, record => Assert.Equal(ProgressRecordType.Processing, record.RecordType));
        Assert.Equal(2, records.Count(record => record.RecordType == ProgressRecordType.Completed));
        Assert.Equal(ProgressRecordType.Completed, records[^1].RecordType);
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
}
