using StableDiffusion.Hub;

namespace StableDiffusion.Tests.Hub;

/// <summary>Which files of a repository are fetched. The layouts are those of published models.</summary>
public sealed class HubFileChoiceTests
{
    private static readonly string[] s_version1 =
    [
        ".gitattributes", "README.md", "model_index.json", "v1-5-pruned.ckpt", "v1-5-pruned.safetensors", "v1-inference.yaml",
        "feature_extractor/preprocessor_config.json", "safety_checker/config.json", "safety_checker/model.safetensors",
        "scheduler/scheduler_config.json", "tokenizer/merges.txt", "tokenizer/vocab.json", "tokenizer/tokenizer_config.json",
        "text_encoder/config.json", "text_encoder/model.safetensors", "text_encoder/model.fp16.safetensors", "text_encoder/pytorch_model.bin", "text_encoder/flax_model.msgpack",
        "unet/config.json", "unet/diffusion_pytorch_model.safetensors", "unet/diffusion_pytorch_model.fp16.safetensors", "unet/diffusion_pytorch_model.non_ema.safetensors", "unet/diffusion_pytorch_model.bin", "unet/diffusion_flax_model.msgpack",
        "vae/config.json", "vae/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.bin",
    ];

    private static readonly string[] s_version1Configs =
    [
        "model_index.json", "scheduler/scheduler_config.json", "text_encoder/config.json", "tokenizer/merges.txt", "tokenizer/tokenizer_config.json", "tokenizer/vocab.json", "unet/config.json", "vae/config.json",
    ];

    [Fact]
    public void A_model_comes_in_full_precision_and_in_safetensors() => AssertChosen(
        s_version1,
        new HubRequest { Id = "o/n" },
        [.. s_version1Configs, "text_encoder/model.safetensors", "unet/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.safetensors"]);

    [Fact]
    public void A_variant_is_taken_where_there_is_one() => AssertChosen(
        s_version1,
        new HubRequest { Id = "o/n", Variant = "fp16" },
        [.. s_version1Configs, "text_encoder/model.fp16.safetensors", "unet/diffusion_pytorch_model.fp16.safetensors", "vae/diffusion_pytorch_model.safetensors"]);

    [Fact]
    public void A_variant_that_no_part_has_is_an_error_with_those_there_are()
    {
        InvalidSettingException error = Assert.Throws<InvalidSettingException>(() => Choose(s_version1, new HubRequest { Id = "o/n", Variant = "bf16" }));
        Assert.Equal("Variant", error.Setting);
        Assert.Contains("fp16, non_ema", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Pickles_are_taken_only_where_there_is_nothing_else() => AssertChosen(
        [.. s_version1Configs, "unet/diffusion_pytorch_model.bin", "unet/diffusion_pytorch_model.fp16.safetensors", "text_encoder/pytorch_model.bin", "text_encoder/pytorch_model.fp16.bin", "vae/diffusion_pytorch_model.bin"],
        new HubRequest { Id = "o/n" },
        [.. s_version1Configs, "text_encoder/pytorch_model.bin", "unet/diffusion_pytorch_model.fp16.safetensors", "vae/diffusion_pytorch_model.bin"]);

    [Theory]
    [InlineData("unet/diffusion_pytorch_model-{0}-of-00002.safetensors", "unet/diffusion_pytorch_model.safetensors.index.json", null)]
    [InlineData("unet/diffusion_pytorch_model.fp16-{0}-of-00002.safetensors", "unet/diffusion_pytorch_model.safetensors.index.fp16.json", "fp16")]
    [InlineData("unet/diffusion_pytorch_model-{0}-of-00002.fp16.safetensors", "unet/diffusion_pytorch_model.fp16.safetensors.index.json", "fp16")]
    public void Shards_come_with_their_index(string shard, string index, string? variant)
    {
        string[] shards = [shard.Replace("{0}", "00001", StringComparison.Ordinal), shard.Replace("{0}", "00002", StringComparison.Ordinal)];
        string[] others = [.. s_version1Configs, "text_encoder/model.safetensors", "vae/diffusion_pytorch_model.safetensors"];
        string[] bin = ["unet/diffusion_pytorch_model.bin"];
        HubRequest request = new() { Id = "o/n", Variant = variant };

        AssertChosen([.. others, .. shards, index, .. bin], request, [.. others, .. shards, index]);

        // A set that is not whole is none.
        if (variant is null)
        {
            AssertChosen([.. others, shards[0], index, .. bin], request, [.. others, .. bin]);
            AssertChosen([.. others, .. shards, .. bin], request, [.. others, .. bin]);
        }
    }

    [Fact]
    public void One_file_goes_before_shards_of_the_same() => AssertChosen(
        [.. s_version1, "unet/diffusion_pytorch_model-00001-of-00001.safetensors", "unet/diffusion_pytorch_model.safetensors.index.json"],
        new HubRequest { Id = "o/n" },
        [.. s_version1Configs, "text_encoder/model.safetensors", "unet/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.safetensors"]);

    [Fact]
    public void A_model_with_two_text_encoders_comes_with_both_and_without_its_graphs()
    {
        string[] needed =
        [
            "LICENSE.md", "model_index.json", "scheduler/scheduler_config.json", "text_encoder/config.json", "text_encoder/model.safetensors",
            "text_encoder_2/config.json", "text_encoder_2/model.safetensors", "tokenizer/vocab.json", "tokenizer_2/vocab.json",
            "unet/config.json", "unet/diffusion_pytorch_model.safetensors", "vae/config.json", "vae/diffusion_pytorch_model.safetensors",
        ];
        AssertChosen(
            [.. needed, "pipeline.png", "sd_xl_base_1.0.safetensors", "unet/model.onnx", "unet/model.onnx_data", "unet/openvino_model.bin", "vae_decoder/model.onnx", "vae_1_0/diffusion_pytorch_model.safetensors", "text_encoder/model.onnx"],
            new HubRequest { Id = "o/n" },
            needed);
    }

    [Fact]
    public void Graphs_come_with_their_data_whatever_its_name()
    {
        string[] needed =
        [
            "model_index.json", "scheduler/scheduler_config.json", "text_encoder/model.onnx", "tokenizer/vocab.json",
            "unet/config.json", "unet/model.onnx", "unet/model.onnx_data", "unet/weights.pb", "vae_decoder/model.onnx", "vae_encoder/model.onnx",
        ];
        AssertChosen(
            [.. needed, "safety_checker/model.onnx", "unet/openvino_model.xml", "unet/openvino_model.bin", "README.md", "vae/diffusion_pytorch_model.bin"],
            new HubRequest { Id = "o/n" },
            needed);
    }

    [Fact]
    public void An_adapter_comes_with_its_config() => AssertChosen(
        ["README.md", "config.json", "diffusion_pytorch_model.bin", "diffusion_pytorch_model.fp16.safetensors", "diffusion_pytorch_model.safetensors", "images/a.png"],
        new HubRequest { Id = "o/n" },
        ["config.json", "diffusion_pytorch_model.safetensors"]);

    [Theory]
    [InlineData("a.safetensors,b.ckpt,c.pt,README.md", "a.safetensors")]
    [InlineData("models/b.ckpt,c.pt", "models/b.ckpt")]
    [InlineData("c.pt,x.png", "c.pt")]
    public void One_checkpoint_is_taken(string files, string expected) => AssertChosen(files.Split(','), new HubRequest { Id = "o/n" }, [expected]);

    [Fact]
    public void Of_several_checkpoints_one_has_to_be_named()
    {
        string[] files = ["a.safetensors", "sub/b.safetensors", "c.ckpt"];
        InvalidSettingException error = Assert.Throws<InvalidSettingException>(() => Choose(files, new HubRequest { Id = "o/n" }));
        Assert.Equal("File", error.Setting);
        Assert.Contains("a.safetensors (1 B), sub/b.safetensors (1 B).", error.Message, StringComparison.Ordinal);

        AssertChosen(files, new HubRequest { Id = "o/n", File = "c.ckpt", Exclude = static _ => true }, ["c.ckpt"]);
        Assert.Contains("c.ckpt (1 B)", Assert.Throws<InvalidSettingException>(() => Choose(files, new HubRequest { Id = "o/n", File = "d" })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Include_and_exclude_overrule_the_choice()
    {
        AssertChosen(s_version1, new HubRequest { Id = "o/n", Include = static path => path.EndsWith(".yaml", StringComparison.Ordinal) }, ["v1-inference.yaml"]);
        AssertChosen(
            s_version1,
            new HubRequest { Id = "o/n", Exclude = static path => !path.StartsWith("vae/", StringComparison.Ordinal) },
            ["vae/config.json", "vae/diffusion_pytorch_model.safetensors"]);
        Assert.Equal("Exclude", Assert.Throws<InvalidSettingException>(() => Choose(s_version1, new HubRequest { Id = "o/n", Exclude = static _ => true })).Setting);
        Assert.Equal("Include", Assert.Throws<InvalidSettingException>(() => Choose(s_version1, new HubRequest { Id = "o/n", Include = static _ => false })).Setting);
    }

    [Theory]
    [InlineData("model_index.json,transformer/diffusion_pytorch_model.safetensors,vae/config.json", "transformer, vae")]
    [InlineData("model_index.json,unet/config.json,unet/diffusion_pytorch_model.safetensors,vae/flax.msgpack", "no readable weights in 'vae'")]
    [InlineData("model_index.json,unet/diffusion_pytorch_model.safetensors,vae/config.json,vae/diffusion_pytorch_model.safetensors", "no 'unet/config.json'")]
    [InlineData("README.md,tf_model.h5", "tf_model.h5")]
    public void A_repository_without_a_model_is_refused_before_anything_is_fetched(string files, string what)
    {
        ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => Choose(files.Split(','), new HubRequest { Id = "o/n" }));
        Assert.Contains(what, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a.json,a.json", "the file 'a.json' twice")]
    [InlineData("a.json,A.json", "'A.json' and 'a.json', which differ in upper and lower case only")]
    public void A_file_that_is_listed_twice_is_not_taken_for_two(string files, string what) => Assert.Contains(
        what, Assert.Throws<DownloadException>(() => Choose(files.Split(','), new HubRequest { Id = "o/n", Include = static _ => true })).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("owner/name", null, "owner/name", "main")]
    [InlineData("owner/name@v1", null, "owner/name", "v1")]
    [InlineData("owner/name@refs/pr/1", null, "owner/name", "refs/pr/1")]
    [InlineData("owner/name", "fp16", "owner/name", "fp16")]
    [InlineData("owner/name@v1", "v1", "owner/name", "v1")]
    public void A_name_says_repository_and_revision(string text, string? revision, string id, string expected) =>
        Assert.Equal(new HubRepository(id, expected), HubRepository.Parse(text, revision));

    [Theory]
    [InlineData("name", null, "Id")]
    [InlineData("a/b/c", null, "Id")]
    [InlineData("../b", null, "Id")]
    [InlineData("a/..", null, "Id")]
    [InlineData("a/b..c", null, "Id")]
    [InlineData("a/b c", null, "Id")]
    [InlineData("https://huggingface.co/a/b", null, "Id")]
    [InlineData("a/b\n", null, "Id")]
    [InlineData("a/b@", null, "Revision")]
    [InlineData("a/b@../x", null, "Revision")]
    [InlineData("a/b@x y", null, "Revision")]
    [InlineData("a/b@v1", "v2", "Revision")]
    public void A_name_that_is_none_is_an_error(string text, string? revision, string setting) =>
        Assert.Equal(setting, Assert.Throws<InvalidSettingException>(() => HubRepository.Parse(text, revision)).Setting);

    private static void AssertChosen(string[] files, HubRequest request, string[] expected) =>
        Assert.Equal(expected.Order(StringComparer.Ordinal), Choose(files, request));

    private static IEnumerable<string> Choose(string[] files, HubRequest request) =>
        new HubFileChoice(new HubRepository("o/n", "main"), [.. files.Select(path => new HubFile(path, 1))]).Choose(request).Select(file => file.Path);
}
