using StableDiffusion.Building;
using StableDiffusion.Library;
using StableDiffusion.Onnx;
using StableDiffusion.Tests.Library;
using StableDiffusion.Tests.Onnx;

namespace StableDiffusion.Tests.Building;

/// <summary>Of a model's folder, only the files that the engine reads are copied, and none through a link that leads elsewhere.</summary>
public sealed class CopiedFilesTests : StoreCase
{
    private const string Secret = "a secret of the user";

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Files_that_the_engine_does_not_read_are_not_copied(bool isExport)
    {
        string path = isExport ? CopyExport("source") : CopyTiny("source");
        Directory.CreateDirectory(Folder["private"]);
        File.WriteAllText(Folder["private", "id_rsa"], Secret);
        foreach (string name in (string[])["id_rsa", "unet/extra.bin", "tokenizer/extra.json", "scheduler/extra.json"])
            File.WriteAllText(Path.Combine(path, name), Secret);
        if (!OperatingSystem.IsWindows())
        {
            Directory.CreateSymbolicLink(Path.Combine(path, "docs"), "../private");
            File.CreateSymbolicLink(Path.Combine(path, "tokenizer", "notes.txt"), Folder["private", "id_rsa"]);
        }

        ModelImport import = Import(path, "mine", skipsTest: true);
        using (ModelLease lease = Library.Open(path, Device.Cpu))
            lease.Model.OpenTextEncoder(progress: null, Token);

        Assert.True(File.Exists(Path.Combine(import.Model.Path, "tokenizer", "tokenizer_config.json")));
        Assert.True(File.Exists(Path.Combine(import.Model.Path, "vae_encoder", "config.json")));
        foreach (string folder in (string[])[Folder["models"], Folder["cache"]])
        {
            Assert.DoesNotContain(
                Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories),
                static file => Path.GetFileName(file) is "id_rsa" or "extra.bin" or "extra.json" or "notes.txt");
        }
    }

    [Theory]
    [InlineData(true, "scheduler/scheduler_config.json")]
    [InlineData(true, "tokenizer/special_tokens_map.json")]
    [InlineData(true, "unet/config.json")]
    [InlineData(true, "unet/model.onnx")]
    [InlineData(false, "tokenizer/tokenizer_config.json")]
    [InlineData(false, "unet/config.json")]
    public void A_file_behind_a_link_out_of_the_folder_is_refused(bool isExport, string file)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need a privilege.");
        string path = isExport ? CopyExport("source") : CopyTiny("source");
        File.Move(Path.Combine(path, file), Folder["private"]);
        File.CreateSymbolicLink(Path.Combine(path, file), Folder["private"]);

        ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => Import(path));

        Assert.Contains(Path.Combine(path, file), error.Message, StringComparison.Ordinal);
        Assert.Contains("leads out", error.Message, StringComparison.Ordinal);
        Assert.Throws<ModelInvalidException>(() => Library.Open(path, Device.Cpu).Model.OpenTextEncoder(progress: null, Token));
        Assert.Empty(Contents);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Links_of_the_cache_of_Hugging_Face_are_followed(bool isExport)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need a privilege.");
        string path = isExport ? CopyExport("repository", "snapshots", "main") : CopyTiny("repository", "snapshots", "main");
        string blobs = Directory.CreateDirectory(Folder["repository", "blobs"]).FullName;
        int count = 0;
        foreach (string file in Directory.GetFiles(path, "*", SearchOption.AllDirectories))
        {
            string blob = Path.Combine(blobs, $"{count++}");
            File.Move(file, blob);
            File.CreateSymbolicLink(file, Path.GetRelativePath(Path.GetDirectoryName(file)!, blob));
        }

        // A link to the folder as a whole is the user's own.
        Directory.CreateSymbolicLink(Folder["mine"], path);

        Assert.Null(Import(Folder["mine"], skipsTest: true).Model.Problem);
    }

    [Fact]
    public void The_files_with_the_weights_of_a_graph_are_copied()
    {
        string path = CopyExport("source");
        SmallGraph.Save(Path.Combine(path, "unet", "model.onnx"), SmallGraph.Of(SmallGraph.Node("Identity", "k"), SmallGraph.External("k", "sub/weights.bin", "0", "4")));
        Directory.CreateDirectory(Path.Combine(path, "unet", "sub"));
        File.WriteAllBytes(Path.Combine(path, "unet", "sub", "weights.bin"), new byte[4]);

        Assert.Contains("unet/sub/weights.bin", new OnnxFolder(path, new ImportOptions()).Inputs.Select(static input => input.Name));
        Assert.True(File.Exists(Path.Combine(Import(path, skipsTest: true).Model.Path, "unet", "sub", "weights.bin")));
    }
}
