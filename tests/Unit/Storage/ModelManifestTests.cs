using StableDiffusion.Storage;

namespace StableDiffusion.Tests.Storage;

public sealed class ModelManifestTests : IDisposable
{
    private const string Hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_written_is_read_again()
    {
        ModelManifest manifest = new()
        {
            Source = new ModelSource { Kind = "hub", Id = "owner/name", Revision = "abc" },
            Files = new Dictionary<string, ModelFile> { ["unet/config.json"] = new(743, Hash) },
        };
        manifest.Write(_folder.Path);
        manifest.Write(_folder.Path);

        ModelManifest read = ModelManifest.Read(_folder.Path)!;
        Assert.Equal(manifest.Source, read.Source);
        Assert.Equal(manifest.Files, read.Files);
        Assert.Equal([ModelManifest.FileName], Directory.EnumerateFiles(_folder.Path).Select(path => Path.GetFileName(path)));
        Assert.Equal(
            """{ "source": { "kind": "hub", "id": "owner/name", "revision": "abc" }, "files": { "unet/config.json": { "length": 743, "sha256": "HASH" } } }""".Replace("HASH", Hash, StringComparison.Ordinal),
            string.Join(' ', File.ReadAllText(_folder[ModelManifest.FileName]).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)));
    }

    [Fact]
    public void A_folder_without_one_has_none() => Assert.Null(ModelManifest.Read(_folder.Path));

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("""{ "files": {} }""")]
    [InlineData("""{ "source": { "kind": "hub", "id": null }, "files": {} }""")]
    [InlineData("""{ "source": { "kind": "hub", "id": "a" }, "files": { "a": null } }""")]
    [InlineData("""{ "source": { "kind": "hub", "id": "a" }, "files": { "../a": { "length": 1, "sha256": "HASH" } } }""")]
    [InlineData("""{ "source": { "kind": "hub", "id": "a" }, "files": { "a": { "length": -1, "sha256": "HASH" } } }""")]
    [InlineData("""{ "source": { "kind": "hub", "id": "a" }, "files": { "a": { "length": 1, "sha256": "12" } } }""")]
    [InlineData("""{ "source": { "kind": "hub", "id": "a" }, "files": { "a": { "length": 1 } } }""")]
    public void One_that_is_damaged_is_an_error(string text)
    {
        File.WriteAllText(_folder[ModelManifest.FileName], text.Replace("HASH", Hash, StringComparison.Ordinal));
        Assert.Throws<ModelInvalidException>(() => ModelManifest.Read(_folder.Path));
    }

    [Theory]
    [InlineData("a", true)]
    [InlineData("unet/model.safetensors", true)]
    [InlineData(".gitattributes", true)]
    [InlineData("conversation/a", true)]
    [InlineData("", false)]
    [InlineData("a/", false)]
    [InlineData("/a", false)]
    [InlineData("..", false)]
    [InlineData("a/./b", false)]
    [InlineData("a\\b", false)]
    [InlineData("C:/a", false)]
    [InlineData("a:stream", false)]
    [InlineData("nul", false)]
    [InlineData("Com1.txt", false)]
    [InlineData("LPT\u00b2", false)]
    [InlineData("a.", false)]
    [InlineData("a ", false)]
    [InlineData("a\u0001", false)]
    [InlineData("a\ud800", false)]
    public void A_path_is_one_of_a_file_in_the_folder_on_every_system(string path, bool expected) => Assert.Equal(expected, ModelFilePath.IsSafe(path));
}
