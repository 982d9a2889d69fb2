using System.Text.Json.Nodes;
using StableDiffusion.Hub;
using StableDiffusion.Library;
using StableDiffusion.Storage;

namespace StableDiffusion.Tests.Hub;

/// <summary>Who is asked, what is told to whom, and what the hub's refusals mean.</summary>
public sealed class HubClientTests : HubTests
{
    private const string Model = "model.safetensors";
    private const string Secret = "hf_secret";

    private readonly byte[] _content = Bytes(1, 1000);

    public HubClientTests()
    {
        Hub.Files[Model] = _content;
    }

    [Fact]
    public void The_token_goes_to_the_hub_and_not_where_the_hub_sends_to()
    {
        using FakeHub store = new();
        store.Files[Model] = _content;
        Hub.Script = request => IsFile(request, Model) ? new FakeHub.Answer(302) { Headers = { ["Location"] = $"{store.Endpoint}{FakeHub.Id}/resolve/{FakeHub.Commit}/{Model}?signature=1" } } : null;
        store.Script = _ => new FakeHub.Answer(200, _content);
        Save(settings: Settings(Secret));

        Assert.All(Hub.Requests, request => Assert.Equal($"Bearer {Secret}", request.Authorization));
        Assert.Null(Assert.Single(store.Requests).Authorization);
        Assert.Equal(_content, File.ReadAllBytes(Folder["models", "name", Model]));
    }

    [Fact]
    public void Ranges_go_where_the_hub_sends_to()
    {
        using FakeHub store = new();
        store.Script = request => request.Range is null
            ? new FakeHub.Answer(200, _content) { CutAfter = 400 }
            : new FakeHub.Answer(206, _content[400..]) { Headers = { ["Content-Range"] = "bytes 400-999/1000" } };
        Hub.Script = request => IsFile(request, Model) ? new FakeHub.Answer(307) { Headers = { ["Location"] = $"{store.Endpoint}x" } } : null;
        Save();

        Assert.Equal([null, "bytes=400-"], store.Requests.Select(request => request.Range));
    }

    [Fact]
    public void An_address_of_the_store_that_has_run_out_is_renewed()
    {
        using FakeHub store = new();
        store.Script = _ => store.Requests.Count == 1 ? new FakeHub.Answer(403) : new FakeHub.Answer(200, _content);
        Hub.Script = request => IsFile(request, Model) ? new FakeHub.Answer(302) { Headers = { ["Location"] = $"{store.Endpoint}x" } } : null;
        Save();
        Assert.Equal(2, Hub.FileRequests(Model).Count());
    }

    [Fact]
    public void A_hub_that_sends_in_circles_is_given_up()
    {
        Hub.Script = request => IsFile(request, Model) ? new FakeHub.Answer(302) { Headers = { ["Location"] = request.Path } } : null;
        Assert.Contains("10 times", Assert.Throws<DownloadException>(() => Save()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ftp://127.0.0.1/x")]
    [InlineData("file:///etc/hostname")]
    public void A_hub_that_sends_elsewhere_than_into_the_web_is_not_followed(string location)
    {
        Hub.Script = request => IsFile(request, Model) ? new FakeHub.Answer(302) { Headers = { ["Location"] = location } } : null;
        Assert.Contains("insecure connection", Assert.Throws<DownloadException>(() => Save()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("https://hub.example", "https://hub.example/a", "http://hub.example/b", false)]
    [InlineData("https://hub.example", "https://hub.example/a", "https://store.example/b", true)]
    [InlineData("http://hub.example", "http://hub.example/a", "http://hub.example/b", true)]
    [InlineData("http://hub.example", "http://hub.example/a", "http://store.example/b", false)]
    [InlineData("http://hub.example", "http://hub.example/a", "http://127.0.0.1/b", false)]
    [InlineData("http://127.0.0.1:1", "http://127.0.0.1:1/a", "http://localhost:2/b", true)]
    [InlineData("http://127.0.0.1:1", "http://127.0.0.1:1/a", "http://store.example/b", false)]
    [InlineData("http://127.0.0.1:1", "https://store.example/a", "http://127.0.0.1:1/b", false)]
    public void Http_is_left_for_another_machine_with_https_only(string hub, string from, string to, bool isFollowed)
    {
        using HubClient client = new(new HubSettings { Endpoint = new Uri(hub), Folders = Folders });
        Assert.Equal(isFollowed, client.IsSafe(new Uri(to), new Uri(from)));
    }

    [Theory]
    [InlineData(416, null, null, "status 416", "HF_ENDPOINT")]
    [InlineData(401, "GatedRepo", null, "Accept the conditions", "set the environment variable HF_TOKEN")]
    [InlineData(403, "GatedRepo", Secret, "Accept the conditions", "the token in HF_TOKEN is valid")]
    [InlineData(401, "RepoNotFound", null, "no repository 'owner/name'", "set the environment variable HF_TOKEN")]
    [InlineData(401, null, Secret, "no repository 'owner/name'", "the token in HF_TOKEN is valid")]
    [InlineData(404, "RevisionNotFound", null, "no revision 'main'", "a branch, a tag or a commit")]
    [InlineData(404, null, null, "was not found", "HF_ENDPOINT")]
    [InlineData(403, null, null, "not accessible", "Ask its owner")]
    [InlineData(418, null, null, "status 418", "HF_ENDPOINT")]
    public void Each_refusal_says_what_to_do(int status, string? code, string? token, string what, string advice)
    {
        Hub.Script = _ =>
        {
            FakeHub.Answer answer = new(status);
            if (code is not null)
                answer.Headers["X-Error-Code"] = code;
            return answer;
        };

        DownloadException error = Assert.Throws<DownloadException>(() => Save(settings: Settings(token)));
        Assert.Contains(what, error.Message, StringComparison.Ordinal);
        Assert.Contains(advice, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, error.ToString(), StringComparison.Ordinal);
        Assert.Equal((FakeHub.Id, status), (error.Repository, error.StatusCode));
        Assert.Single(Hub.Requests);
    }

    [Theory]
    [InlineData("HTTP/1.1 2OO OK")]
    [InlineData("220 mail.example.com ESMTP")]
    [InlineData("SSH-2.0-OpenSSH_9.9")]
    public void An_answer_that_is_not_one_of_HTTP_is_named_in_our_words(string line)
    {
        Hub.Script = _ => new FakeHub.Answer(200) { StatusLine = line };

        DownloadException error = Assert.Throws<DownloadException>(() => Save());
        Assert.Contains("the answer is not one of HTTP", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(line, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("connection", error.Message, StringComparison.Ordinal);
        Assert.NotNull(error.InnerException);
        Assert.Empty(Waits);
    }

    [Fact]
    public void A_hub_that_is_not_there_is_given_up_after_some_attempts()
    {
        Uri nowhere;
        using (FakeHub gone = new())
            nowhere = gone.Endpoint;

        HubSettings settings = new() { Endpoint = nowhere, Delay = Settings().Delay, Folders = Folders };
        DownloadException error = Assert.Throws<DownloadException>(() => Save(settings: settings));
        Assert.Contains("no connection", error.Message, StringComparison.Ordinal);
        Assert.Null(error.StatusCode);
        Assert.Equal(RetryPolicy.MaxAttempts - 1, Waits.Count);
    }

    [Fact]
    public void Where_the_description_has_no_lengths_the_tree_is_read_page_by_page()
    {
        byte[] config = Text("{}");
        Hub.Files["config.json"] = config;
        Hub.IsPlain = true;
        string tree = $"/api/models/{FakeHub.Id}/tree/{FakeHub.Commit}?recursive=true";
        Hub.Script = request =>
        {
            if (request.Path == tree)
            {
                JsonArray first = new(
                    new JsonObject { ["type"] = "directory", ["path"] = "unet", ["size"] = 0, ["oid"] = "x" },
                    new JsonObject { ["type"] = "file", ["path"] = "config.json", ["size"] = config.Length, ["oid"] = FakeHub.BlobId(config) });
                return new FakeHub.Answer(200, Text(first.ToJsonString())) { Headers = { ["Link"] = $"<{Hub.Endpoint}page2?a=1,2>; rel=\"next\"" } };
            }

            if (request.Path != "/page2?a=1,2")
                return null;
            string sha = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(_content));
            JsonArray second = new(new JsonObject
            {
                ["type"] = "file", ["path"] = Model, ["size"] = _content.Length, ["oid"] = "pointer", ["lfs"] = new JsonObject { ["oid"] = sha, ["size"] = _content.Length },
            });
            return new FakeHub.Answer(200, Text(second.ToJsonString()));
        };

        Assert.Equal(["config.json", Model], Save().Files);
    }

    [Fact]
    public void A_tree_whose_pages_lead_elsewhere_is_refused()
    {
        Hub.IsPlain = true;
        string location = "http://127.0.0.2:1/x";
        Hub.Script = request => request.Path.Contains("/tree/", StringComparison.Ordinal)
            ? new FakeHub.Answer(200, Text("[]")) { Headers = { ["Link"] = $"<{location}>; rel=\"next\"" } }
            : null;
        Assert.Contains("another server, 'http://127.0.0.2:1'", Assert.Throws<DownloadException>(() => Save(settings: Settings(Secret))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("<html>Sign in</html>")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{ "sha": "../../evil", "siblings": [] }""")]
    [InlineData("""{ "sha": "0123456789abcdef0123456789abcdef01234567", "siblings": [ { "rfilename": "a.safetensors", "size": -1 } ] }""")]
    [InlineData("""{ "sha": "0123456789abcdef0123456789abcdef01234567", "siblings": [ { "rfilename": "a.safetensors", "size": 1, "lfs": { "sha256": "12", "size": 1 } } ] }""")]
    [InlineData("""{ "sha": "0123456789abcdef0123456789abcdef01234567", "siblings": [ { "rfilename": "a.safetensors", "size": 1, "lfs": { "size": 1 } } ] }""")]
    [InlineData("""{ "sha": "0123456789abcdef0123456789abcdef01234567", "siblings": [ { "rfilename": "a.safetensors", "size": 1, "blobId": "../x" } ] }""")]
    [InlineData("""{ "sha": "0123456789abcdef0123456789abcdef01234567", "siblings": [ { "size": 1 } ] }""")]
    public void A_description_that_is_none_is_an_error(string answer)
    {
        Hub.Script = request => request.Path.StartsWith("/api/", StringComparison.Ordinal) ? new FakeHub.Answer(200, Text(answer)) : null;
        DownloadException error = Assert.Throws<DownloadException>(() => Save());
        Assert.Contains("HF_ENDPOINT", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../evil.safetensors")]
    [InlineData("/etc/evil.safetensors")]
    [InlineData("a/../../evil.safetensors")]
    [InlineData("C:evil.safetensors")]
    [InlineData("a\\..\\..\\evil.safetensors")]
    [InlineData("unet/CON.safetensors")]
    [InlineData("a//evil.safetensors")]
    [InlineData("./evil.safetensors")]
    [InlineData("evil\0.safetensors")]
    [InlineData("evil /x.safetensors")]
    public void A_path_that_leads_out_of_the_folder_is_refused(string path)
    {
        Hub.Files.Clear();
        Hub.Files[path] = _content;

        DownloadException error = Assert.Throws<DownloadException>(() => Save(Request with { Name = "name" }));
        Assert.Contains("leads out", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\0', error.Message);
        Assert.Single(Hub.Requests);
        Assert.Empty(FilesIn());
    }

    [Fact]
    public void Files_that_are_one_on_some_systems_are_refused()
    {
        Hub.Files["MODEL.safetensors"] = _content;
        Assert.Contains("upper and lower case", Assert.Throws<DownloadException>(() => Save(Request with { Include = static _ => true })).Message, StringComparison.Ordinal);
        Hub.Files.Remove("MODEL.safetensors");
        Hub.Files[Model + "/x"] = _content;
        Assert.Contains("as a file and as a folder", Assert.Throws<DownloadException>(() => Save(Request with { Include = static _ => true })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_revision_is_asked_for_and_pinned_to_its_commit()
    {
        Hub.Script = request => request.Path == $"/api/models/{FakeHub.Id}/revision/refs%2Fpr%2F1?blobs=true"
            ? new FakeHub.Answer(200, Text(Hub.Description().ToJsonString()))
            : null;
        SavedModel saved = Save(Request with { Id = FakeHub.Id + "@refs/pr/1" });

        ModelSource source = ModelManifest.Read(saved.Folder)!.Source;
        Assert.Equal((FakeHub.Commit, "refs/pr/1"), (source.Revision, source.Requested));
    }

    [Fact]
    public void Offline_gives_what_is_here_and_asks_nobody()
    {
        DownloadException error = Assert.Throws<DownloadException>(() => Save(settings: Settings(isOffline: true)));
        Assert.Contains("HF_HUB_OFFLINE", error.Message, StringComparison.Ordinal);
        Assert.Empty(Hub.Requests);

        Save();
        int before = Hub.Requests.Count;
        Assert.Equal([Model], Save(settings: Settings(isOffline: true)).Files);
        Save(Request with { Revision = FakeHub.Commit }, Settings(isOffline: true));
        Assert.Throws<DownloadException>(() => Save(Request with { Revision = "v2" }, Settings(isOffline: true)));
        Assert.Throws<DownloadException>(() => Save(Request with { Id = "other/name" }, Settings(isOffline: true)));
        Assert.Throws<DownloadException>(() => Save(Request with { Force = true }, Settings(isOffline: true)));
        Assert.Equal(before, Hub.Requests.Count);

        File.WriteAllText(Folder["models", "name", Model], "shorter");
        Assert.Throws<DownloadException>(() => Save(settings: Settings(isOffline: true)));
    }
}
