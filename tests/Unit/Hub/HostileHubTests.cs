using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using StableDiffusion.Hub;

namespace StableDiffusion.Tests.Hub;

/// <summary>A hub that means harm: what it sends costs neither memory nor time without end, and the error names the file.</summary>
public sealed class HostileHubTests : HubTests
{
    private const string Model = "model.safetensors";
    private const int GivenUp = 60;

    [Theory]
    [InlineData(1L << 62)]
    [InlineData(long.MaxValue)]
    [InlineData(1L << 45)]
    public void Lengths_that_no_file_has_are_refused_by_name(long length)
    {
        Answer(Description(File(Model, length), File("other.safetensors", length)));

        string message = Assert.Throws<DownloadException>(() => Save()).Message;

        Assert.Contains($"'{Model}'", message, StringComparison.Ordinal);
        Assert.Contains("more than a file of a model can have", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_nothing_is_refused()
    {
        Answer(Description(File(Model, 1), null));
        Assert.Contains("without a valid path", Assert.Throws<DownloadException>(() => Save()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void More_files_than_a_model_can_have_are_refused()
    {
        Answer(Description([.. Enumerable.Range(0, 50_001).Select(static i => File($"{i}.json", 1))]));
        Assert.Contains("50,000 files", Assert.Throws<DownloadException>(() => Save()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_path_that_no_request_can_hold_is_refused_and_not_shown_whole()
    {
        Answer(Description(File(string.Join('/', Enumerable.Repeat("folder", 20_000)), 1)));

        string message = Assert.Throws<DownloadException>(() => Save()).Message;

        Assert.Contains("'folder/folder/", message, StringComparison.Ordinal);
        Assert.InRange(message.Length, 100, 1000);
    }

    [Fact]
    public void Names_cannot_write_to_the_terminal()
    {
        Answer(Description(File("\u001b[2J\u202eevil\n.safetensors", 1)));
        Assert.DoesNotContain(Assert.Throws<DownloadException>(() => Save()).Message, static letter => char.IsControl(letter) || letter == '\u202e');
    }

    [Fact]
    public void Pages_that_lead_to_themselves_are_given_up()
    {
        Hub.Files[Model] = Bytes(1);
        Hub.IsPlain = true;
        Hub.Script = request => request.Path.Contains("/tree/", StringComparison.Ordinal)
            ? new FakeHub.Answer(200, Text("[null]")) { Headers = { ["Link"] = $"<{Hub.Endpoint}{request.Path[1..]}>; rel=\"next\"" } }
            : null;

        Assert.Contains("endlessly", Assert.Throws<DownloadException>(() => Save()).Message, StringComparison.Ordinal);
        Assert.Equal(2, Hub.Requests.Count);
    }

    [Theory]
    [InlineData("<http://127.0.0.2:1/next>; rel=\"next\"", "another server, 'http://127.0.0.2:1'")]
    [InlineData("<https://127.0.0.1/next>; rel=next", "another server, 'https://127.0.0.1'")]
    [InlineData("<file:///etc/passwd>; rel=\"next\"", "another server, 'file://'")]
    [InlineData("<http://[::bad>; rel=\"next\"", "a link to the next page that cannot be read")]
    [InlineData("<http://127.0.0.1/; rel=\"next\"", "a link to the next page that cannot be read")]
    [InlineData("next", "a link to the next page that cannot be read")]
    public void Pages_that_are_elsewhere_or_nowhere_are_no_end_of_the_list(string link, string what)
    {
        Hub.Files[Model] = Bytes(1);
        Hub.IsPlain = true;
        Hub.Script = request => request.Path.Contains("/tree/", StringComparison.Ordinal)
            ? new FakeHub.Answer(200, Text($$"""[{"type": "file", "path": "{{Model}}", "size": 1}]""")) { Headers = { ["Link"] = link } }
            : null;

        Assert.Contains(what, Assert.Throws<DownloadException>(() => Save()).Message, StringComparison.Ordinal);
        Assert.Equal(2, Hub.Requests.Count);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_flood_of_empty_entries_takes_no_memory(bool isTree)
    {
        string entries = $"[{new StringBuilder().Insert(0, "{},", 2_000_000)}{{}}]";
        byte[] json = Text(isTree ? entries : $$"""{"sha": "{{FakeHub.Commit}}", "siblings": {{entries}}}""");
        HubListingReader reader = new(new HubSubject(new HubRepository(FakeHub.Id, "main")), Token);
        long before = GC.GetAllocatedBytesForCurrentThread();

        string message = Assert.Throws<DownloadException>(() =>
        {
            if (isTree)
                reader.AddTree(json);
            else
                reader.ReadModel(json);
        }).Message;

        Assert.Contains("50,000 files", message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 20 << 20);
    }

    [Fact]
    public void Entries_are_counted_over_all_pages()
    {
        HubListingReader reader = new(new HubSubject(new HubRepository(FakeHub.Id, "main")), Token);
        byte[] page = Text($"[{new StringBuilder().Insert(0, "{},", 29_999)}{{}}]");
        reader.AddTree(page);
        Assert.Throws<DownloadException>(() => reader.AddTree(page));
    }

    [Fact]
    public void The_reading_of_a_listing_is_cancelled()
    {
        HubListingReader reader = new(new HubSubject(new HubRepository(FakeHub.Id, "main")), new CancellationToken(canceled: true));
        Assert.Throws<OperationCanceledException>(() => reader.AddTree("[{}]"u8));
        Assert.Throws<OperationCanceledException>(() => reader.ReadModel("""{"siblings": [{}]}"""u8));
    }

    [Fact]
    public void A_description_without_an_end_is_given_up()
    {
        Hub.Script = static _ => new FakeHub.Answer(200) { IsChunked = true, IsEndless = true };
        Assert.Contains("64 MB", Assert.Throws<DownloadException>(() => Save()).Message, StringComparison.Ordinal);
        Assert.Single(Hub.Requests);
    }

    [Fact]
    public void A_packed_description_is_not_unpacked()
    {
        using MemoryStream bomb = new();
        using (GZipStream packer = new(bomb, CompressionLevel.Fastest, leaveOpen: true))
            packer.Write(new byte[64 << 20]);
        Hub.Script = _ => new FakeHub.Answer(200, bomb.ToArray()) { Headers = { ["Content-Encoding"] = "gzip" } };

        Assert.Contains("not the JSON of a model", Assert.Throws<DownloadException>(() => Save()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_flood_of_headers_is_given_up_at_once()
    {
        Hub.Files[Model] = Bytes(1);
        Hub.Script = request => IsFile(request, Model) ? new FakeHub.Answer(200) { Headers = { ["X"] = new string('x', 100_000) } } : null;

        string message = Assert.Throws<DownloadException>(() => Save()).Message;

        Assert.Contains($"'{Model}'", message, StringComparison.Ordinal);
        Assert.Contains("headers", message, StringComparison.Ordinal);
        Assert.Single(Hub.FileRequests(Model));
    }

    [Theory]
    [InlineData("file:///etc/passwd")]
    [InlineData("//")]
    [InlineData("http://[")]
    [InlineData("http:////")]
    [InlineData("https://user:word@\u0001/")]
    public void A_redirection_that_leads_nowhere_is_an_error_that_names_the_file(string location)
    {
        Hub.Files[Model] = Bytes(1);
        Hub.Script = request => IsFile(request, Model) ? new FakeHub.Answer(302) { Headers = { ["Location"] = location } } : null;
        Assert.Contains($"'{Model}'", Assert.Throws<DownloadException>(() => Save()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_without_an_end_is_given_up_and_not_kept()
    {
        Hub.Files[Model] = Bytes(1);
        Hub.Script = request => IsFile(request, Model) ? new FakeHub.Answer(200) { IsChunked = true, IsEndless = true } : null;

        Assert.Contains($"'{Model}'", Assert.Throws<DownloadException>(() => Save()).Message, StringComparison.Ordinal);
        Assert.Empty(Parts);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_hub_that_makes_a_download_begin_again_and_again_is_given_up(bool hasRanges)
    {
        byte[] content = Bytes(1, 3 << 20);
        Hub.Files[Model] = content;
        Hub.IsWithoutHashes = !hasRanges;
        Hub.Script = request =>
        {
            if (!IsFile(request, Model))
                return null;
            if (Hub.FileRequests(Model).Count() >= GivenUp)
                return new FakeHub.Answer(418);

            // Each attempt brings more than a megabyte, which the next one discards.
            return request.Range is null
                ? new FakeHub.Answer(200, content) { CutAfter = 3 << 19 }
                : new FakeHub.Answer(206, content) { Headers = { ["Content-Range"] = $"bytes 0-{content.Length - 1}/{content.Length}" } };
        };

        Assert.Contains($"'{Model}'", Assert.Throws<DownloadException>(() => Save()).Message, StringComparison.Ordinal);
        Assert.InRange(Hub.FileRequests(Model).Count(), 2, GivenUp - 1);
    }

    private static JsonObject File(string path, long length) => new() { ["rfilename"] = path, ["size"] = length };

    private static string Description(params JsonNode?[] files) => new JsonObject { ["sha"] = FakeHub.Commit, ["siblings"] = new JsonArray(files) }.ToJsonString();

    private void Answer(string description) => Hub.Script = _ => new FakeHub.Answer(200, Text(description));
}
