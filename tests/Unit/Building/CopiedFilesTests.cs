using StableDiffusion.Building;
using StableDiffusion.Library;
using StableDiffusion.Onnx;
using StableDiffusion.Onnx.Graphs.Format;
using StableDiffusion.Tests.Families;
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
    [InlineData(true, "model_index.json")]
    [InlineData(false, "unet/config.json")]
    [InlineData(false, "model_index.json")]
    [InlineData(false, "unet/diffusion_pytorch_model.safetensors")]
    [InlineData(false, "text_encoder/model.safetensors")]
    [InlineData(false, "vae/diffusion_pytorch_model.safetensors")]
    public void A_file_behind_a_link_out_of_the_folder_is_refused(bool isExport, string file)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need a privilege.");
        string path = isExport ? CopyExport("source") : CopyTiny("source");
        LinkOut(path, file);

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
        string path = isExport ? CopyExport("models--owner--name", "snapshots", "main") : CopyTiny("models--owner--name", "snapshots", "main");
        string blobs = Directory.CreateDirectory(Folder["models--owner--name", "blobs"]).FullName;
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
        GraphProto graph = SmallGraph.Of(SmallGraph.Node("Identity", "k"), SmallGraph.External("k", "sub/weights.bin", "0", "4"));
        graph.Input.Add([SmallGraph.Value("sample", 1, 4, 8, 8), SmallGraph.Value("timestep", 1), SmallGraph.Value("encoder_hidden_states", 1, 77, 32)]);
        SmallGraph.Save(Path.Combine(path, "unet", "model.onnx"), graph);
        Directory.CreateDirectory(Path.Combine(path, "unet", "sub"));
        File.WriteAllBytes(Path.Combine(path, "unet", "sub", "weights.bin"), new byte[4]);

        Assert.Contains("unet/sub/weights.bin", new OnnxFolder(path, new ImportOptions()).Inputs.Select(static input => input.Name));
        Assert.True(File.Exists(Path.Combine(Import(path, skipsTest: true).Model.Path, "unet", "sub", "weights.bin")));
    }

    [Theory]
    [InlineData("config.json")]
    [InlineData("diffusion_pytorch_model.safetensors")]
    public void A_ControlNet_and_a_VAE_are_not_read_through_a_link_out_of_their_folder(string file)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need a privilege.");
        string folder = Path.Combine(CopyTiny("source"), "vae");
        string checkpoint = TinyCheckpoint.Path;
        LinkOut(folder, file);

        ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => new ControlNetSource(folder).Inputs);
        Assert.Contains($"'{Path.Combine(folder, file)}' is a link that leads out", error.Message, StringComparison.Ordinal);
        CheckpointSource source = new(checkpoint, new ImportOptions { Vae = folder });
        Assert.Equal(error.Message, Assert.Throws<ModelInvalidException>(() => source.Inputs).Message);
        Assert.Equal(error.Message, Assert.Throws<ModelInvalidException>(() => source.Open()).Message);
    }

    [Fact]
    public void A_shard_behind_a_link_out_of_the_folder_is_refused()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need a privilege.");
        string unet = Path.Combine(CopyTiny("source"), "unet");
        File.Move(Path.Combine(unet, "diffusion_pytorch_model.safetensors"), Path.Combine(unet, "part.safetensors"));
        File.WriteAllText(Path.Combine(unet, "diffusion_pytorch_model.safetensors.index.json"), """{ "weight_map": { "conv_in.weight": "part.safetensors" } }""");
        LinkOut(unet, "part.safetensors");

        Assert.Contains("part.safetensors' is a link that leads out", Assert.Throws<ModelInvalidException>(() => Import(Folder["source"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_one_file_of_a_folder_may_not_be_a_link_and_a_link_that_the_user_gives_may()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need a privilege.");
        File.Copy(TinyCheckpoint.Path, Folder["model.safetensors"]);
        Directory.CreateDirectory(Folder["folder"]);
        string link = Folder["folder", "linked.safetensors"];
        File.CreateSymbolicLink(link, "../model.safetensors");

        Assert.Contains("can be given or imported by the path of that file", Assert.Throws<ModelInvalidException>(() => Import(Folder["folder"])).Message, StringComparison.Ordinal);
        Assert.Null(Import(link, skipsTest: true).Model.Problem);
    }

    private void LinkOut(string folder, string file)
    {
        File.Move(Path.Combine(folder, file), Folder["private"]);
        File.CreateSymbolicLink(Path.Combine(folder, file), Folder["private"]);
    }
}
