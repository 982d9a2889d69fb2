using StableDiffusion.Storage;

namespace StableDiffusion.Tests.Storage;

/// <summary>A link that leads out of a folder is refused, unless it is one of Hugging Face's cache.</summary>
public sealed class FolderLinksTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public FolderLinksTests()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need a privilege.");
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("model", "model/unet/w", "model/vae/w")]
    [InlineData("model/unet", "model/unet/w", "model/unet/sub/w")]
    [InlineData("models--a--b/snapshots/c0ffee", "models--a--b/snapshots/c0ffee/unet/w", "models--a--b/blobs/0123")]
    [InlineData("models--a--b/snapshots/c0ffee/unet", "models--a--b/snapshots/c0ffee/unet/w", "models--a--b/blobs/0123")]
    public void Links_within_a_folder_and_to_the_blobs_of_Hugging_Face_are_followed(string folder, string link, string target)
    {
        Link(link, target);

        FolderLinks.Check(_folder[folder], _folder[link]);
    }

    [Theory]
    [InlineData("model", "model/unet/w", "other/w")]
    [InlineData("model/unet", "model/unet/w", "model/vae/w")]
    [InlineData("model", "model/w", "models/w")]
    [InlineData("repository/snapshots/c0ffee", "repository/snapshots/c0ffee/w", "repository/blobs/0123")]
    [InlineData("models--a--b/c0ffee", "models--a--b/c0ffee/w", "models--a--b/blobs/0123")]
    [InlineData("models--a--b/snapshots/c0ffee", "models--a--b/snapshots/c0ffee/w", "models--a--b/blobs/sub/0123")]
    [InlineData("models--a--b/snapshots/c0ffee", "models--a--b/snapshots/c0ffee/w", "models--x--y/blobs/0123")]
    [InlineData("models--a--b/snapshots/c0ffee", "models--a--b/snapshots/c0ffee/w", "models--a--b/refs/main")]
    public void A_link_that_leads_out_is_refused(string folder, string link, string target)
    {
        Link(link, target);

        ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => FolderLinks.Check(_folder[folder], _folder[link]));

        Assert.Contains($"'{_folder[link]}' is a link that leads out of the folder", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_of_blobs_that_is_a_link_itself_is_not_one_of_Hugging_Face()
    {
        Link("models--a--b/snapshots/c0ffee/w", "private/0123");
        File.Delete(_folder["models--a--b/snapshots/c0ffee/w"]);
        Directory.CreateSymbolicLink(_folder["models--a--b/blobs"], _folder["private"]);
        File.CreateSymbolicLink(_folder["models--a--b/snapshots/c0ffee/w"], "../../blobs/0123");

        Assert.Throws<ModelInvalidException>(() => FolderLinks.Check(_folder["models--a--b/snapshots/c0ffee"], _folder["models--a--b/snapshots/c0ffee/w"]));
    }

    [Fact]
    public void Links_in_a_circle_are_a_typed_error()
    {
        File.CreateSymbolicLink(_folder["a"], "b");
        File.CreateSymbolicLink(_folder["b"], "a");

        Assert.Throws<ModelInvalidException>(() => FolderLinks.Check(_folder.Path, _folder["a"]));
    }

    private void Link(string link, string target)
    {
        foreach (string path in (string[])[link, target])
            Directory.CreateDirectory(Path.GetDirectoryName(_folder[path])!);
        File.WriteAllText(_folder[target], "a");
        File.CreateSymbolicLink(_folder[link], _folder[target]);
    }
}
