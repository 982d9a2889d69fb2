using System.Globalization;
using StableDiffusion.Hub;
using StableDiffusion.Library;
using StableDiffusion.Storage;

namespace StableDiffusion.Tests.Hub;

/// <summary>One file, and all that can go wrong on its way.</summary>
public sealed class HubTransferTests : HubTests
{
    private const string Model = "model.safetensors";

    private readonly byte[] _content = Bytes(1);

    public HubTransferTests()
    {
        Hub.Files[Model] = _content;
    }

    private byte[] Saved => File.ReadAllBytes(Folder["models", "name", Model]);

    [Fact]
    public void A_file_comes_whole_with_a_manifest_and_nothing_is_left_behind()
    {
        SavedModel saved = Save();

        Assert.Equal(("name", Folder["models", "name"], false), (saved.Name, saved.Folder, saved.IsModel));
        Assert.Equal([Model], saved.Files);
        Assert.Equal(_content, Saved);
        Assert.Equal([Model, ModelManifest.FileName], FilesIn("models", "name"));
        Assert.All(FilesIn("downloads"), path => Assert.EndsWith(".lock", path, StringComparison.Ordinal));
        Assert.Equal([".content.lock", "name"], Directory.EnumerateFileSystemEntries(Folder["models"]).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));

        ModelManifest manifest = ModelManifest.Read(saved.Folder)!;
        Assert.Equal(new ModelSource { Kind = "hub", Id = FakeHub.Id, Revision = FakeHub.Commit, Requested = "main" }, manifest.Source);
        Assert.Equal(_content.Length, manifest.Files[Model].Length);
        Assert.StartsWith("StableDiffusion-PowerShell/", Hub.Requests.First().Headers["User-Agent"], StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_saved_already_is_not_fetched_again_unless_forced()
    {
        Save();
        Save();
        Assert.Single(Hub.FileRequests(Model));

        File.WriteAllText(Folder["models", "name", "other.txt"], "old");
        Save(Request with { Force = true });
        Assert.Equal(2, Hub.FileRequests(Model).Count());
        Assert.Equal(_content, Saved);
        Assert.False(File.Exists(Folder["models", "name", "other.txt"]));
    }

    [Fact]
    public void Another_model_of_the_name_stays_and_so_does_one_whose_replacement_fails()
    {
        Directory.CreateDirectory(Folder["models", "name"]);
        File.WriteAllText(Folder["models", "name", "mine.txt"], "mine");

        Assert.Equal(Folder["models", "name"], Assert.Throws<OutputExistsException>(() => Save()).Path);
        Hub.Script = request => IsFile(request, Model) ? new FakeHub.Answer(418) : null;
        Assert.Throws<DownloadException>(() => Save(Request with { Force = true }));
        Assert.Equal(["mine.txt"], FilesIn("models", "name"));
    }

    [Fact]
    public void A_connection_that_breaks_off_is_gone_on_with()
    {
        Hub.Script = request => IsFile(request, Model) && request.Range is null ? Broken(request, 100_000) : null;
        Save();

        Assert.Equal(_content, Saved);
        Assert.Equal([null, "bytes=100000-"], Hub.FileRequests(Model).Select(request => request.Range));
        Assert.NotNull(Hub.FileRequests(Model).Last().Headers["If-Range"]);
        Assert.Equal([TimeSpan.FromSeconds(1)], Waits);
    }

    [Fact]
    public void A_later_run_goes_on_where_one_was_given_up()
    {
        Hub.Script = request => IsFile(request, Model) ? request.Range is null ? Broken(request, 100_000) : new FakeHub.Answer(503) : null;
        DownloadException error = Assert.Throws<DownloadException>(() => Save());
        Assert.Equal((FakeHub.Id, 503), (error.Repository, error.StatusCode));
        Assert.Contains($"'{Model}' of 'owner/name'", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("http", error.Message, StringComparison.OrdinalIgnoreCase);
        Assert.Equal([1, 2, 4, 8, 16], Waits.Select(wait => wait.TotalSeconds));
        Assert.Single(Parts);
        Assert.Empty(FilesIn("models"));

        int before = Hub.FileRequests(Model).Count();
        Hub.Script = static _ => null;
        Save();
        Assert.Equal(_content, Saved);
        Assert.Equal(["bytes=100000-"], Hub.FileRequests(Model).Skip(before).Select(request => request.Range));
    }

    [Fact]
    public void What_an_earlier_run_left_is_fetched_anew_where_it_was_wrong()
    {
        Hub.Script = request => IsFile(request, Model) ? request.Range is null ? Broken(request, 100_000) : new FakeHub.Answer(503) : null;
        Assert.Throws<DownloadException>(() => Save());
        string part = Path.Combine(Folder["downloads"], Assert.Single(Parts));
        byte[] damaged = File.ReadAllBytes(part);
        damaged[50_000] ^= 1;
        File.WriteAllBytes(part, damaged);

        Hub.Script = static _ => null;
        Save();
        Assert.Equal(_content, Saved);
        Assert.Null(Hub.FileRequests(Model).Last().Range);
    }

    [Fact]
    public void A_hub_that_ignores_ranges_is_taken_from_the_start()
    {
        int count = 0;
        Hub.Script = request => !IsFile(request, Model) ? null : ++count == 1 ? Broken(request, 100_000) : new FakeHub.Answer(200, _content);
        Save();

        Assert.Equal(_content, Saved);
        Assert.Equal(2, Hub.FileRequests(Model).Count());
    }

    [Fact]
    public void Another_content_under_the_name_is_taken_from_the_start()
    {
        // The first answer is of an old content with another tag; the rest of the new one must not go behind it.
        byte[] old = Bytes(2);
        Hub.Script = request => IsFile(request, Model) && request.Range is null && Hub.FileRequests(Model).Count() == 1
            ? new FakeHub.Answer(200, old) { CutAfter = 100_000, Headers = { ["ETag"] = "\"old\"" } }
            : null;
        Save();

        Assert.Equal(_content, Saved);
        Assert.Equal("\"old\"", Hub.FileRequests(Model).Last().Headers["If-Range"]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_part_of_another_content_is_refused_even_where_the_hub_sends_it(bool isWithoutHashes)
    {
        byte[] old = Bytes(2);
        Hub.IsWithoutHashes = isWithoutHashes;
        Hub.Script = request => !IsFile(request, Model) ? null : Hub.FileRequests(Model).Count() switch
        {
            1 => new FakeHub.Answer(200, old) { CutAfter = 100_000, Headers = { ["ETag"] = "\"old\"" } },
            2 => new FakeHub.Answer(206, _content[100_000..]) { Headers = { ["ETag"] = "\"new\"", ["Content-Range"] = "bytes 100000-299999/300000" } },
            _ => null,
        };
        Save();

        Assert.Equal(_content, Saved);
        Assert.Null(Hub.FileRequests(Model).Last().Range);
    }

    [Fact]
    public void Without_hash_and_tag_each_attempt_begins_anew()
    {
        Hub.IsWithoutHashes = true;
        byte[] old = Bytes(2);
        Hub.Script = request => IsFile(request, Model) && Hub.FileRequests(Model).Count() == 1 ? new FakeHub.Answer(200, old) { CutAfter = 100_000 } : null;
        Save();
        Assert.Equal([null, null], Hub.FileRequests(Model).Select(request => request.Range));
        Assert.Equal(_content, Saved);
    }

    [Fact]
    public void Without_a_hash_a_later_run_begins_anew()
    {
        Hub.IsWithoutHashes = true;
        Hub.Script = request => IsFile(request, Model) ? request.Range is null ? Broken(request, 100_000) : new FakeHub.Answer(418) : null;
        Assert.Throws<DownloadException>(() => Save());
        Assert.Single(Parts);

        Hub.Script = static _ => null;
        Save();
        Assert.Equal(_content, Saved);
        Assert.Null(Hub.FileRequests(Model).Last().Range);
    }

    [Theory]
    [InlineData("bytes 99999-299999/300000")]
    [InlineData("bytes 100000-299999/300001")]
    [InlineData(null)]
    public void A_range_that_was_not_asked_for_is_not_taken(string? range)
    {
        Hub.Script = request =>
        {
            if (!IsFile(request, Model))
                return null;
            if (Hub.FileRequests(Model).Count() == 1)
                return Broken(request, 100_000);
            if (request.Range is null)
                return null;

            FakeHub.Answer answer = new(206, _content[100_000..]);
            if (range is not null)
                answer.Headers["Content-Range"] = range;
            return answer;
        };
        Save();

        Assert.Equal(_content, Saved);
        Assert.Equal(3, Hub.FileRequests(Model).Count());
    }

    [Fact]
    public void A_range_that_cannot_be_had_is_taken_from_the_start()
    {
        Hub.Script = request => !IsFile(request, Model) ? null
            : request.Range is not null ? new FakeHub.Answer(416)
            : Hub.FileRequests(Model).Count() == 1 ? Broken(request, 100_000) : null;
        Save();
        Assert.Equal(_content, Saved);
    }

    [Fact]
    public void A_wrong_byte_is_an_error_and_nothing_of_the_file_is_kept()
    {
        byte[] wrong = [.. _content];
        wrong[123] ^= 1;
        Hub.Script = request => IsFile(request, Model) ? new FakeHub.Answer(200, wrong) : null;

        DownloadException error = Assert.Throws<DownloadException>(() => Save());
        Assert.Contains("hash", error.Message, StringComparison.Ordinal);
        Assert.Empty(Parts);
        Assert.Empty(FilesIn("models"));
        Assert.Single(Hub.FileRequests(Model));
    }

    [Fact]
    public void Wrong_bytes_in_patches_are_given_up_too()
    {
        byte[] wrong = [.. _content];
        wrong[200_000] ^= 1;
        Hub.Script = request => !IsFile(request, Model) ? null
            : request.Range is null ? new FakeHub.Answer(200, wrong) { CutAfter = 100_000 }
            : new FakeHub.Answer(206, wrong[100_000..]) { Headers = { ["Content-Range"] = "bytes 100000-299999/300000" } };

        Assert.Contains("hash", Assert.Throws<DownloadException>(() => Save()).Message, StringComparison.Ordinal);
        Assert.Equal(4, Hub.FileRequests(Model).Count());
        Assert.Empty(Parts);
    }

    [Theory]
    [InlineData(200_000)]
    [InlineData(300_001)]
    public void Another_length_is_an_error_before_anything_is_written(int length)
    {
        Hub.Script = request => IsFile(request, Model) ? new FakeHub.Answer(200, new byte[length]) : null;

        DownloadException error = Assert.Throws<DownloadException>(() => Save());
        Assert.Contains(length.ToString("N0", CultureInfo.CurrentCulture), error.Message, StringComparison.Ordinal);
        Assert.Empty(Parts);
    }

    [Fact]
    public void More_bytes_than_there_should_be_are_an_error_where_no_length_was_said()
    {
        Hub.Script = request => IsFile(request, Model) ? new FakeHub.Answer(200, [.. _content, 0]) { IsChunked = true } : null;

        Assert.Contains("more than", Assert.Throws<DownloadException>(() => Save()).Message, StringComparison.Ordinal);
        Assert.Empty(Parts);
    }

    [Fact]
    public void Fewer_bytes_than_were_said_are_a_break()
    {
        Hub.Script = request => IsFile(request, Model) && request.Range is null ? new FakeHub.Answer(200, _content[..1000]) { StatedLength = _content.Length } : null;
        Save();
        Assert.Equal([null, "bytes=1000-"], Hub.FileRequests(Model).Select(request => request.Range));
        Assert.Equal(_content, Saved);
    }

    [Fact]
    public void A_busy_hub_is_asked_again_when_it_says()
    {
        int count = 0;
        Hub.Script = request => !IsFile(request, Model) ? null : ++count switch
        {
            1 => new FakeHub.Answer(429) { Headers = { ["Retry-After"] = "7" } },
            2 => new FakeHub.Answer(503) { Headers = { ["Date"] = "Tue, 24 Nov 2026 10:00:00 GMT", ["Retry-After"] = "Tue, 24 Nov 2026 10:00:42 GMT" } },
            3 => new FakeHub.Answer(500),
            _ => null,
        };
        Save();

        Assert.Equal([7, 42, 4], Waits.Select(wait => wait.TotalSeconds));
        Assert.Equal(_content, Saved);
    }

    [Fact]
    public void A_hub_that_asks_for_hours_is_given_up()
    {
        Hub.Script = request => IsFile(request, Model) ? new FakeHub.Answer(429) { Headers = { ["Retry-After"] = "7200" } } : null;

        DownloadException error = Assert.Throws<DownloadException>(() => Save());
        Assert.Contains("120", error.Message, StringComparison.Ordinal);
        Assert.Equal(429, error.StatusCode);
        Assert.Empty(Waits);
    }

    [Fact]
    public void A_hub_that_says_nothing_is_asked_again()
    {
        Hub.Script = request => IsFile(request, Model) && request.Range is null
            ? new FakeHub.Answer(200, _content[..100_000]) { StatedLength = _content.Length, Stalls = true }
            : null;
        Save(settings: Settings(timeout: TimeSpan.FromSeconds(0.5)));
        Assert.Equal(_content, Saved);
    }

    [Fact]
    public void A_hub_that_sends_a_few_bytes_a_second_is_given_up()
    {
        Hub.Script = request => IsFile(request, Model) ? new FakeHub.Answer(200, _content[..1000]) { StatedLength = _content.Length, Stalls = true } : null;

        DownloadException error = Assert.Throws<DownloadException>(() => Save(settings: Settings(time: new SlowTime())));

        Assert.Contains("1,000 bytes in 61 s", error.Message.Replace('.', ','), StringComparison.Ordinal);
        Assert.Equal(RetryPolicy.MaxAttempts, Hub.FileRequests(Model).Count());
    }

    [Fact]
    public void Stopping_ends_the_download_and_keeps_what_came()
    {
        using CancellationTokenSource stop = new();
        Hub.Script = request => IsFile(request, Model)
            ? new FakeHub.Answer(200, _content[..100_000]) { StatedLength = _content.Length, Stalls = true }
            : null;
        HubDownload download = HubDownload.Plan(Request, Settings(), cancellationToken: Token);
        Assert.ThrowsAny<OperationCanceledException>(() => download.Save(
            progress =>
            {
                if (progress.Received == 100_000)
                    stop.Cancel();
            },
            cancellationToken: stop.Token));

        Assert.Equal(100_000, new FileInfo(Path.Combine(Folder["downloads"], Assert.Single(Parts))).Length);
        Assert.Empty(FilesIn("models"));
        Hub.Script = static _ => null;
        Save();
        Assert.Equal(_content, Saved);
        Assert.Equal("bytes=100000-", Hub.FileRequests(Model).Last().Range);
    }

    [Fact]
    public void An_error_of_the_one_who_is_told_ends_the_download()
    {
        Hub.Script = request => IsFile(request, Model) ? new FakeHub.Answer(200, _content[..1000]) { StatedLength = _content.Length, Stalls = true } : null;
        HubDownload download = HubDownload.Plan(Request, Settings(), cancellationToken: Token);

        Assert.Throws<InvalidTimeZoneException>(() => download.Save(_ => throw new InvalidTimeZoneException(), cancellationToken: Token));
        // Nothing holds the files any more.
        Directory.Delete(Folder["downloads"], recursive: true);
    }

    [Fact]
    public void Progress_counts_the_bytes_of_earlier_runs_but_not_their_speed()
    {
        Hub.Files["small.txt"] = Text("small");
        Hub.Script = request => IsFile(request, Model) ? new FakeHub.Answer(200, _content[..100_000]) { StatedLength = _content.Length, Stalls = true } : null;
        using CancellationTokenSource stop = new();
        DownloadProgress? last = null;
        HubDownload download = HubDownload.Plan(Request with { Include = static _ => true }, Settings(), cancellationToken: Token);
        Assert.ThrowsAny<OperationCanceledException>(() => download.Save(
            progress =>
            {
                last = progress;
                if (progress.Received == 100_005)
                    stop.Cancel();
            },
            cancellationToken: stop.Token));

        Assert.Equal((FakeHub.Id, 300_005L), (last!.Repository, last.Length));
        Assert.True(last.BytesPerSecond > 0);
    }

    [Fact]
    public void A_disk_without_room_is_told_before_anything_is_fetched()
    {
        OutputWriteException error = Assert.Throws<OutputWriteException>(() => Save(settings: Settings(freeSpace: 299_999)));
        Assert.Contains("300 kB", error.Message, StringComparison.Ordinal);
        Assert.Empty(Hub.FileRequests(Model));
        Save(settings: Settings(freeSpace: 300_000));
    }

    [Fact]
    public async Task Several_at_once_fetch_the_model_once()
    {
        SavedModel[] saved = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => Save(settings: RealWait()), Token)));

        Assert.All(saved, model => Assert.Equal(Folder["models", "name"], model.Folder));
        Assert.Single(Hub.FileRequests(Model));
        Assert.Equal(_content, Saved);
    }

    [Fact]
    public void A_small_file_is_checked_by_the_hash_that_git_has()
    {
        Hub.Files["config.json"] = Text("{}");
        Save(Request with { File = "config.json" });
        Assert.Equal("{}", File.ReadAllText(Folder["models", "config", "config.json"]));

        Hub.Script = request => IsFile(request, "config.json") ? new FakeHub.Answer(200, Text("[]")) : null;
        Assert.Contains("hash", Assert.Throws<DownloadException>(() => Save(Request with { File = "config.json", Name = "other" })).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("other.model")]
    [InlineData("OTHER.MODEL")]
    public void A_folder_never_takes_the_place_of_the_name_of_an_imported_model(string name)
    {
        Hub.Files["config.json"] = Text("{}");
        File.WriteAllText(Path.Combine(Directory.CreateDirectory(Folder["models"]).FullName, "other.model"), "a name");
        Assert.Equal("Name", Assert.Throws<InvalidSettingException>(() => Save(Request with { File = "config.json", Name = name, Force = true })).Setting);
        Assert.Equal("a name", File.ReadAllText(Folder["models", "other.model"]));
    }

    [Fact]
    public void An_empty_file_and_a_name_to_be_escaped_are_files_too()
    {
        Hub.Files["a b/c#d?.txt".Replace("?", "%", StringComparison.Ordinal)] = [];
        Hub.Files["a b/e+é.txt"] = Text("x");
        SavedModel saved = Save(Request with { Include = static path => path.StartsWith("a b/", StringComparison.Ordinal) });

        Assert.Equal(["a b/c#d%.txt", "a b/e+é.txt"], saved.Files);
        Assert.Equal("x", File.ReadAllText(Folder["models", "name", "a b", "e+é.txt"]));
        Assert.Contains(Hub.Requests, request => request.Path.EndsWith("/a%20b/e%2B%C3%A9.txt", StringComparison.Ordinal));
    }

    [Fact]
    public void Files_are_fetched_several_at_once()
    {
        Hub.Files["other.txt"] = Text("other");
        using Barrier both = new(2);
        Hub.Script = request =>
        {
            // Each answer waits until the other file has been asked for too.
            if (request.Path.Contains("/resolve/", StringComparison.Ordinal))
                Assert.True(both.SignalAndWait(TimeSpan.FromMinutes(1), Token));
            return null;
        };
        Assert.Equal(2, Save(Request with { Include = static _ => true, ThrottleLimit = 2 }).Files.Count);
    }

    [Fact]
    public void An_error_of_one_file_ends_the_others()
    {
        Hub.Files["other.txt"] = Text("other");
        using ManualResetEventSlim sent = new();
        Hub.Script = request =>
        {
            if (IsFile(request, Model))
                return new FakeHub.Answer(200, _content[..1000]) { StatedLength = _content.Length, Stalls = true, Sent = sent.Set };
            if (!IsFile(request, "other.txt"))
                return null;
            Assert.True(sent.Wait(TimeSpan.FromMinutes(1), Token));
            return new FakeHub.Answer(418);
        };

        DownloadException error = Assert.Throws<DownloadException>(() => Save(Request with { Include = static _ => true, ThrottleLimit = 2 }, Settings(timeout: TimeSpan.FromMinutes(5))));
        Assert.Equal(418, error.StatusCode);
    }

    [Fact]
    public void What_is_left_of_another_state_of_the_repository_does_not_stand_in_the_way()
    {
        // The first state comes in but for one file, which is the last for being the smallest.
        HubRequest all = Request with { Include = static _ => true, ThrottleLimit = 1 };
        Hub.Files.Clear();
        Hub.Files["x"] = Text("a file");
        Hub.Files["y/z"] = Text("a file in a folder");
        Hub.Files["last"] = Text("0");
        Hub.Script = request => IsFile(request, "last") ? new FakeHub.Answer(418) : null;
        Assert.Throws<DownloadException>(() => Save(all));
        Assert.Equal(["x", "y/z"], FilesIn("downloads").Where(path => path.Contains("/files/", StringComparison.Ordinal)).Select(path => path[(path.IndexOf("/files/", StringComparison.Ordinal) + 7)..]));

        // In the second one the file's name is a folder's, and the other way round.
        Hub.Script = static _ => null;
        Hub.Files.Clear();
        Hub.Files["x/z"] = Text("a file in a folder");
        Hub.Files["y"] = Text("a file");
        Save(all);
        Assert.Equal([ModelManifest.FileName, "x/z", "y"], FilesIn("models", "name"));
    }

    [Fact]
    public void A_models_folder_on_another_disk_takes_a_copy()
    {
        const string OtherDisk = "/dev/shm";
        Assert.SkipUnless(Directory.Exists(OtherDisk), "Only Linux has another disk everywhere.");
        string models = Path.Combine(OtherDisk, Path.GetFileName(Folder.Path));
        try
        {
            HubSettings settings = new() { Endpoint = Hub.Endpoint, Folders = Folders with { Models = models } };
            Save(settings: settings);
            File.Delete(Path.Combine(models, "name", ModelManifest.FileName));
            Save(Request with { Force = true }, settings);

            Assert.Equal(_content, File.ReadAllBytes(Path.Combine(models, "name", Model)));
            Assert.NotNull(ModelManifest.Read(Path.Combine(models, "name")));
            Assert.Equal([".content.lock", "name"], Directory.EnumerateFileSystemEntries(models).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
            Assert.All(FilesIn("downloads"), path => Assert.EndsWith(".lock", path, StringComparison.Ordinal));
        }
        finally
        {
            Directory.Delete(models, recursive: true);
        }
    }

    private FakeHub.Answer Broken(FakeHub.Request request, int length) => Hub.FileAnswer(request) with { CutAfter = length };

    private HubSettings RealWait() => new()
    {
        Endpoint = Hub.Endpoint,
        Folders = Folders,
        Timeout = TimeSpan.FromMinutes(5),
        Delay = static (_, token) => Task.Delay(10, token),
    };

    /// <summary>A clock that is 61 seconds later each time it is read.</summary>
    private sealed class SlowTime : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Interlocked.Add(ref _now, 61);
    }
}
