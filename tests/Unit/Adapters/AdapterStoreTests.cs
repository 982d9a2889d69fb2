using StableDiffusion.Adapters;

namespace StableDiffusion.Tests.Adapters;

public sealed class AdapterStoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private AdapterStore Store => new(_folder["store"], "LoRA");

    [Fact]
    public void A_file_of_the_folder_itself_precedes_those_of_subfolders_and_links()
    {
        string deep = Add("store", "a", "b", "style.safetensors"), linked = Add("elsewhere", "style.safetensors"), own = Add("store", "style.safetensors");
        Directory.CreateSymbolicLink(_folder["store", "0"], _folder["elsewhere"]);

        Assert.Equal(own, Store.Find("style", Token));
        Assert.Equal(own, Store.FindName("STYLE.safetensors", Token));
        Assert.Equal([("style", own)], Store.List(Token));
        Assert.Equal([_folder["store", "0", "style.safetensors"], deep], Store.FindOthers(own, Token));
        Assert.Empty(Store.FindOthers(deep, Token));
        Assert.True(File.Exists(linked));

        File.Delete(own);
        Assert.Equal(_folder["store", "0", "style.safetensors"], Store.Find("style", Token));
    }

    [Fact]
    public void The_same_file_behind_a_link_is_no_other()
    {
        string own = Add("store", "style.safetensors");
        Directory.CreateSymbolicLink(_folder["store", "again"], _folder["store"]);
        Directory.CreateSymbolicLink(_folder["store", "up"], Path.GetDirectoryName(_folder["store"])!);

        Assert.Empty(Store.FindOthers(own, Token));
    }

    private string Add(params string[] path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_folder[path])!);
        File.WriteAllBytes(_folder[path], []);
        return _folder[path];
    }
}
