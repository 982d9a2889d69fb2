using StableDiffusion.Batches;
using StableDiffusion.Batches.Claims;
using StableDiffusion.Batches.Jobs;

namespace StableDiffusion.Tests.Batches;

/// <summary>What the journals and claims of a job say.</summary>
public sealed class JobProgressTests : IDisposable
{
    private static readonly DateTimeOffset s_begin = new(2026, 1, 2, 3, 0, 0, TimeSpan.Zero);

    private readonly TemporaryFolder _folder = new();
    private readonly JobFolder _job;
    private readonly JobRecord _record = new() { Backend = JobBackend.Local, Submitted = s_begin, Table = "table.csv", Rows = 4, Images = 4, ArraySize = 2 };

    public JobProgressTests()
    {
        _job = JobFolder.Of(_folder.Path, "a");
        _job.Create([]);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Nothing_is_done_at_first()
    {
        DiffusionJob job = Look(Presence.Waiting);
        Assert.Equal((0, 0, 0, 4, null, null), (job.Done, job.Failed, job.Running, job.Left, job.ImagesPerHour, job.TimeLeft));
        Assert.Equal(JobState.Pending, job.State);
    }

    [Fact]
    public void A_time_before_all_others_is_no_fault()
    {
        File.AppendAllText(Journal(1), "{\"time\":\"0001-01-01T00:00:00Z\",\"status\":\"Made\",\"file\":\"/a\",\"seconds\":1}\n");
        Assert.Null(Look(Presence.Waiting).ImagesPerHour);
    }

    [Fact]
    public void An_image_is_counted_once_whoever_tells_of_it()
    {
        Add(1, JournalStatus.Made, 1, minute: 1);
        Add(2, JournalStatus.Unchanged, 1, minute: 2);
        Add(1, JournalStatus.Made, 2, minute: 3);
        File.AppendAllText(Journal(1), "torn{\n{\"time\":");
        DiffusionJob job = Look(Presence.None);
        Assert.Equal((2, 0, 2), (job.Done, job.Failed, job.Left));
        Assert.Equal(JobState.Stopped, job.State);
    }

    [Fact]
    public void Equal_rows_are_images_of_their_own_as_the_table_asks_for_them()
    {
        Add(1, JournalStatus.Made, 1, minute: 1);
        Add(1, JournalStatus.Unchanged, 1, minute: 1, row: "table.csv, line 3");
        Add(2, JournalStatus.Unchanged, 1, minute: 2, row: "table.csv, line 3");
        DiffusionJob job = Look(Presence.None, _record with { Rows = 2, Images = 2 });
        Assert.Equal((2, 0, 0), (job.Done, job.Failed, job.Left));
        Assert.Equal(JobState.Completed, job.State);
    }

    [Fact]
    public void A_row_that_fails_is_counted_once_and_not_if_another_worker_made_it()
    {
        Add(1, JournalStatus.Failed, 1, minute: 1);
        Add(2, JournalStatus.Failed, 1, minute: 2);
        Add(1, JournalStatus.Failed, 2, minute: 1);
        Add(2, JournalStatus.Made, 2, minute: 2);
        Add(2, JournalStatus.Made, 3, minute: 3);
        Add(2, JournalStatus.Made, 4, minute: 4);
        DiffusionJob job = Look(Presence.None);
        Assert.Equal((3, 1, 0), (job.Done, job.Failed, job.Left));
        Assert.Equal(JobState.Failed, job.State);
    }

    [Fact]
    public void The_images_of_a_row_that_failed_are_counted_by_the_table()
    {
        File.WriteAllText(Path.Combine(_job.Path, "table.csv"), "Prompt,Count\na,3\nb,2\n\"c\nd\",4\n");
        JobRecord record = _record with { Rows = 3, Images = 9 };
        Add(1, JournalStatus.Made, 1, minute: 1, row: "table.csv, line 2 ('a')");
        Add(1, JournalStatus.Failed, 1, minute: 1, row: "table.csv, line 2 ('a')");
        Add(1, JournalStatus.Failed, 2, minute: 1, row: "table.csv, line 4 ('c d')");
        DiffusionJob job = Look(Presence.None, record);
        Assert.Equal((1, 6, 2), (job.Done, job.Failed, job.Left));

        Assert.Equal(2 - 1 + 2, Look(Presence.None, record with { Images = 6, Count = 2 }).Failed);
    }

    [Fact]
    public void The_speed_is_that_of_the_last_images_of_all_workers()
    {
        // Two workers, each an image in 30 seconds.
        for (int image = 1; image <= 4; image++)
            Add(image % 2, JournalStatus.Made, image, minute: 0.5 * ((image + 1) / 2), seconds: 30);
        Assert.Equal(240, Look(Presence.None).ImagesPerHour!.Value, 1e-6);
        Assert.Null(Look(Presence.None).TimeLeft);

        Assert.Equal(TimeSpan.FromHours(4.0 / 240), Look(Presence.Working, _record with { Images = 8 }).TimeLeft);
    }

    [Fact]
    public void Claims_of_living_workers_are_counted_in_all_folders()
    {
        Claim("a.png.claim", age: 0);
        Claim("sub/b.png.claim", age: 100);
        Claim("c.png.claim", age: 301);
        Claim("d.png.claims", age: 0);
        Assert.Equal(2, Look(Presence.Unknown).Running);
    }

    [Fact]
    public void Only_claims_of_the_own_workers_that_live_are_counted()
    {
        ClaimOwner own = ClaimOwner.New();
        File.WriteAllBytes(_folder["a.png.claim"], own.Write());
        File.WriteAllBytes(_folder["b.png.claim"], (own with { Start = "1" }).Write());
        File.WriteAllBytes(_folder["c.png.claim"], (own with { Host = "elsewhere", Process = 77 }).Write());
        Assert.Equal(2, Look(Presence.Unknown).Running);

        new WorkerRecord("elsewhere", 77, s_begin).Write(Path.Combine(_job.Workers, "1.json"));
        Assert.Equal(1, Look(Presence.Unknown).Running);
        WorkerRecord.Of(Environment.ProcessId)!.Write(Path.Combine(_job.Workers, "1.json"));
        Assert.Equal(1, Look(Presence.Unknown).Running);
        new WorkerRecord("elsewhere", 78, s_begin).Write(Path.Combine(_job.Workers, "1.json"));
        Assert.Equal(0, Look(Presence.Unknown).Running);
    }

    [Theory]
    [InlineData(0, 0, null, nameof(Presence.Unknown), false, false, JobState.Pending)]
    [InlineData(0, 0, null, nameof(Presence.Waiting), false, false, JobState.Pending)]
    [InlineData(0, 0, null, nameof(Presence.Working), false, false, JobState.Running)]
    [InlineData(0, 0, null, nameof(Presence.None), false, false, JobState.Stopped)]
    [InlineData(0, 0, null, nameof(Presence.Unknown), true, false, JobState.Stopped)]
    [InlineData(0, 0, null, nameof(Presence.Unknown), false, true, JobState.Running)]
    [InlineData(0, 0, null, nameof(Presence.None), false, true, JobState.Stopped)]
    [InlineData(2, 0, 10, nameof(Presence.Unknown), false, false, JobState.Running)]
    [InlineData(2, 0, 400, nameof(Presence.Unknown), false, false, JobState.Stopped)]
    [InlineData(2, 0, 10, nameof(Presence.Waiting), false, false, JobState.Pending)]
    [InlineData(2, 0, 10, nameof(Presence.Waiting), false, true, JobState.Running)]
    [InlineData(3, 1, 10, nameof(Presence.Working), false, false, JobState.Running)]
    [InlineData(3, 1, 10, nameof(Presence.Unknown), false, false, JobState.Failed)]
    [InlineData(3, 1, 10, nameof(Presence.None), true, false, JobState.Failed)]
    [InlineData(4, 0, 10, nameof(Presence.Working), true, true, JobState.Completed)]
    public void The_state_follows_from_progress_and_workers(int made, int failed, int? age, string presence, bool isStopped, bool isClaimed, JobState expected)
    {
        for (int row = 1; row <= made + failed; row++)
            Add(1, row <= made ? JournalStatus.Made : JournalStatus.Failed, row, time: DateTimeOffset.Now - TimeSpan.FromSeconds(age ?? 0));
        if (isClaimed)
            Claim("x.png.claim", age: 1);
        Assert.Equal(expected, Look(Enum.Parse<Presence>(presence), isStopped: isStopped).State);
    }

    [Fact]
    public void Jobs_are_found_in_the_folder_of_images_and_by_their_own()
    {
        Assert.Throws<JobNotFoundException>(() => JobFolder.Find(_folder.Path));
        Assert.Empty(JobFolder.FindAll(_folder.Path));
        Assert.Equal([], JournalFiles.Of(JobFolder.Of(_folder.Path, "none")));
        _job.Write(_record);
        JobFolder other = JobFolder.New(_folder.Path, "a");
        Assert.Equal("a-2", other.Name);
        other.Create([]);
        other.Write(_record);
        Assert.Equal(["a", "a-2"], JobFolder.Find(_folder.Path).Select(static job => job.Name));
        Assert.Equal(["a-2"], JobFolder.Find(other.Path + Path.DirectorySeparatorChar).Select(static job => job.Name));
        Assert.Equal(_folder.Path, JobFolder.Find(other.Path)[0].OutDirectory);
        Assert.Equal("Name", Assert.Throws<InvalidSettingException>(() => other.Create([])).Setting);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.GetDirectoryName(other.Path)!, ".*"));
        other.Delete();
        _job.Delete();
        Assert.False(Directory.Exists(Path.Combine(_folder.Path, JobFolder.Root)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("a/b")]
    [InlineData("..")]
    [InlineData("a\nb")]
    [InlineData("a\u202Eb")]
    [InlineData(" a")]
    [InlineData("a.")]
    public void A_name_is_that_of_a_folder(string name) => Assert.Equal("Name", Assert.Throws<InvalidSettingException>(() => JobFolder.CheckName(name)).Setting);

    [Theory]
    [InlineData("90", "0-01:30:00")]
    [InlineData("90:30", "0-01:30:30")]
    [InlineData("36:00:00", "1-12:00:00")]
    [InlineData("2-3", "2-03:00:00")]
    [InlineData("2-3:4", "2-03:04:00")]
    [InlineData("2-03:04:05", "2-03:04:05")]
    [InlineData("1.12:00:00", "1-12:00:00")]
    public void Limits_of_time_are_those_of_Slurm(string text, string expected) => Assert.Equal(expected, SlurmTime.Parse(text));

    [Theory]
    [InlineData("4")]
    [InlineData("4:59")]
    [InlineData("two hours")]
    [InlineData("1:2:3:4")]
    [InlineData("-5")]
    [InlineData("")]
    public void Other_limits_are_refused(string text) => Assert.Equal("Time", Assert.Throws<InvalidSettingException>(() => SlurmTime.Parse(text)).Setting);

    [Fact]
    public void A_process_is_known_by_its_number_and_its_begin()
    {
        WorkerRecord own = WorkerRecord.Of(Environment.ProcessId)!;
        own.Write(Path.Combine(_job.Workers, "1.json"));
        Assert.Equal(own, Assert.Single(WorkerRecord.ReadAll(_job.Workers)));
        Assert.True(own.IsAlive());
        Assert.False((own with { Started = own.Started.AddMinutes(-1) }).IsAlive());
        Assert.False((own with { Host = "elsewhere" }).IsAlive());
        Assert.True(LocalWorkers.AreAlive(_job));

        (own with { Host = "elsewhere" }).Write(Path.Combine(_job.Workers, "1.json"));
        Assert.Null(LocalWorkers.AreAlive(_job));
        File.WriteAllText(Path.Combine(_job.Workers, "1.json"), "{\"host\":");
        Assert.False(LocalWorkers.AreAlive(_job));
    }

    private DiffusionJob Look(Presence presence, JobRecord? record = null, bool isStopped = false)
    {
        record ??= _record;
        JobProgress progress = JobProgress.Read(_job, new JobTable(_job, record).ImagesOf, Token);
        return new DiffusionJob(_job, record, progress, JobMonitor.StateOf(new DiffusionJob(_job, record, progress, JobState.Pending), presence, isStopped));
    }

    private string Journal(int worker) => Path.Combine(_job.Journals, $"{worker}.jsonl");

    private void Add(int worker, JournalStatus status, int image, double minute = 0, double? seconds = 1, string? row = null, DateTimeOffset? time = null) =>
        StableDiffusion.Batches.Journal.Append(
            Journal(worker),
            new JournalEntry
            {
                Time = time ?? s_begin.AddMinutes(minute),
                Status = status,
                Row = row ?? $"table.csv, line {image + 1}",
                File = status == JournalStatus.Failed ? null : _folder[$"{image}.png"],
                Seconds = status == JournalStatus.Made ? seconds : null,
            },
            Token);

    private void Claim(string name, int age)
    {
        string path = Path.Combine(_folder.Path, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, string.Empty);
        File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddSeconds(-age));
    }
}
