using System.Text.Json.Nodes;
using StableDiffusion.Building;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Building;

public sealed class ModelBuilderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Cache => _folder["cache"];

    private string Source => _folder["source"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_built_model_has_the_layout_of_an_export()
    {
        CopyDemoModel();
        File.WriteAllText(Path.Combine(Source, "generation_config.json"), "{}");

        string built = Build();

        string[] files = [.. Directory.EnumerateFiles(built, "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(built, file).Replace('\\', '/')).Order(StringComparer.Ordinal)];
        Assert.Equal(
            [
                "build.json", "generation_config.json", "model_index.json", "scheduler/scheduler_config.json",
                "text_encoder/config.json", "text_encoder/model.onnx", "text_encoder/model.onnx_data",
                "tokenizer/merges.txt", "tokenizer/special_tokens_map.json", "tokenizer/tokenizer_config.json", "tokenizer/vocab.json",
                "unet/config.json", "unet/model.onnx", "unet/model.onnx_data", "unet/model_control.onnx",
                "unet/model_outer_0.onnx", "unet/model_outer_1.onnx", "unet/model_outer_2.onnx",
                "vae_decoder/config.json", "vae_decoder/model.onnx", "vae_decoder/model.onnx_data",
                "vae_encoder/config.json", "vae_encoder/model.onnx", "vae_encoder/model.onnx_data",
            ],
            files);
        Assert.Equal(
            File.ReadAllBytes(Path.Combine(Source, "vae", "config.json")), File.ReadAllBytes(Path.Combine(built, "vae_decoder", "config.json")));
    }

    [Fact]
    public void The_second_time_nothing_is_written_nor_are_the_weights_read_again()
    {
        CopyDemoModel();
        string weights = Path.Combine(Source, "unet", "diffusion_pytorch_model.safetensors");
        DateTime written = DateTime.UtcNow.AddMinutes(-5);
        File.SetLastWriteTimeUtc(weights, written);
        string built = Build();
        DateTime stamp = File.GetLastWriteTimeUtc(Path.Combine(built, "unet", "model.onnx"));

        // Other bytes of the same length and time would be noticed if they were read.
        byte[] bytes = File.ReadAllBytes(weights);
        bytes[^1] ^= 1;
        File.WriteAllBytes(weights, bytes);
        File.SetLastWriteTimeUtc(weights, written);
        List<ProgressReport> reports = [];
        string again = ModelBuilder.Build(DiffusersFolder.Find(Source), Cache, Unthrottled(reports.Add), TestContext.Current.CancellationToken);

        Assert.Equal(built, again);
        Assert.Equal(stamp, File.GetLastWriteTimeUtc(Path.Combine(built, "unet", "model.onnx")));
        Assert.DoesNotContain(reports, report => report.Activity == BuildActivity.Writing);
    }

    [Theory]
    [InlineData("unet/diffusion_pytorch_model.safetensors")]
    [InlineData("tokenizer/vocab.json")]
    [InlineData("scheduler/scheduler_config.json")]
    public void A_source_that_changed_is_built_again(string file)
    {
        CopyDemoModel();
        string built = Build();

        // The last byte is one of a weight, or a brace or line end that a space can follow.
        string path = Path.Combine(Source, file);
        byte[] bytes = File.ReadAllBytes(path);
        if (file.EndsWith(".safetensors", StringComparison.Ordinal))
            bytes[^1] ^= 1;
        else
            bytes = [.. bytes, (byte)' '];
        File.WriteAllBytes(path, bytes);

        string again = Build();

        Assert.NotEqual(built, again);
        Assert.True(Directory.Exists(built));
    }

    [Fact]
    public void A_model_that_is_moved_or_copied_is_not_built_again()
    {
        CopyDemoModel();

        Assert.Equal(ModelBuilder.Build(DiffusersFolder.Find(Repository.DemoModel), Cache, null, TestContext.Current.CancellationToken), Build());
    }

    [Fact]
    public async Task Two_builds_at_once_both_succeed()
    {
        CopyDemoModel();
        using Barrier barrier = new(2);

        // Both wait until the other writes too, so neither can find what the other made.
        bool waited1 = false;
        bool waited2 = false;
        Task<string> first = Task.Run(() => ModelBuilder.Build(DiffusersFolder.Find(Source), Cache, Unthrottled(report => Wait(report, ref waited1))));
        Task<string> second = Task.Run(() => ModelBuilder.Build(DiffusersFolder.Find(Source), Cache, Unthrottled(report => Wait(report, ref waited2))));
        string[] built = await Task.WhenAll(first, second);

        Assert.Equal(built[0], built[1]);
        Assert.Equal([built[0]], Models());

        void Wait(ProgressReport report, ref bool waited)
        {
            if (report.Activity == BuildActivity.Writing && !waited)
            {
                waited = true;
                Assert.True(barrier.SignalAndWait(TimeSpan.FromMinutes(1)));
            }
        }
    }

    [Fact]
    public void A_cancelled_build_leaves_nothing()
    {
        CopyDemoModel();
        using CancellationTokenSource cancellation = new();

        Assert.ThrowsAny<OperationCanceledException>(() => ModelBuilder.Build(DiffusersFolder.Find(Source), Cache, Unthrottled(CancelInTheMiddle), cancellation.Token));

        Assert.Empty(Models());
        Build();

        void CancelInTheMiddle(ProgressReport report)
        {
            if (report is { Activity: BuildActivity.Writing, Fraction: > 0.5 })
                cancellation.Cancel();
        }
    }

    [Fact]
    public void A_build_that_fails_leaves_nothing()
    {
        CopyDemoModel();

        Assert.Throws<TimeoutException>(() => ModelBuilder.Build(DiffusersFolder.Find(Source), Cache, Unthrottled(Fail), TestContext.Current.CancellationToken));

        Assert.Empty(Models());

        static void Fail(ProgressReport report)
        {
            if (report.Activity == BuildActivity.Writing)
                throw new TimeoutException();
        }
    }

    [Fact]
    public void A_cache_that_cannot_be_written_to_is_named()
    {
        CopyDemoModel();
        File.WriteAllText(Cache, "a file where a folder must be");

        OutputWriteException error = Assert.Throws<OutputWriteException>(Build);

        Assert.Contains(Cache, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_of_which_something_was_taken_away_is_built_again()
    {
        CopyDemoModel();
        string built = Build();
        File.Delete(Path.Combine(built, "unet", "model.onnx_data"));

        Assert.Equal(built, Build());
        Assert.True(File.Exists(Path.Combine(built, "unet", "model.onnx_data")));
        Assert.Equal([built], Models());
    }

    [Fact]
    public void What_a_crash_left_long_ago_is_removed_and_a_build_that_still_runs_is_not()
    {
        CopyDemoModel();
        string old = Path.Combine(Cache, ".building-old");
        string young = Path.Combine(Cache, ".building-young");
        Directory.CreateDirectory(Path.Combine(old, "unet"));
        Directory.CreateDirectory(young);
        Directory.SetLastWriteTimeUtc(old, DateTime.UtcNow.AddDays(-2));

        Build();

        Assert.False(Directory.Exists(old));
        Assert.True(Directory.Exists(young));
    }

    [Theory]
    [InlineData("model_index.json")]
    [InlineData("scheduler/scheduler_config.json")]
    [InlineData("text_encoder/config.json")]
    [InlineData("text_encoder/model.safetensors")]
    [InlineData("unet/config.json")]
    [InlineData("unet/diffusion_pytorch_model.safetensors")]
    [InlineData("vae/config.json")]
    [InlineData("vae/diffusion_pytorch_model.safetensors")]
    [InlineData("tokenizer/vocab.json")]
    public void A_file_that_is_missing_is_named(string file)
    {
        CopyDemoModel();
        File.Delete(Path.Combine(Source, file));

        ModelNotFoundException error = Assert.Throws<ModelNotFoundException>(Build);

        Assert.Contains(Path.GetFileName(file), error.Message, StringComparison.Ordinal);
        Assert.Contains(Source, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_that_is_missing_is_named()
    {
        ModelNotFoundException error = Assert.Throws<ModelNotFoundException>(Build);

        Assert.Contains(Source, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("diffusion_pytorch_model.bin")]
    [InlineData("diffusion_pytorch_model.safetensors.index.json")]
    public void Weights_in_another_form_that_hold_none_are_refused_by_name(string file)
    {
        CopyDemoModel();
        File.Delete(Path.Combine(Source, "unet", "diffusion_pytorch_model.safetensors"));
        File.WriteAllText(Path.Combine(Source, "unet", file), "{}");

        ModelInvalidException error = Assert.Throws<ModelInvalidException>(Build);

        Assert.Contains(file, error.Message, StringComparison.Ordinal);
        Assert.Empty(Models());
    }

    [Fact]
    public void Half_precision_weights_under_their_own_name_are_found()
    {
        CopyDemoModel();
        File.Move(
            Path.Combine(Source, "unet", "diffusion_pytorch_model.safetensors"),
            Path.Combine(Source, "unet", "diffusion_pytorch_model.fp16.safetensors"));

        Assert.True(File.Exists(Path.Combine(Build(), "unet", "model.onnx")));
    }

    [Fact]
    public void A_model_of_another_family_is_refused_by_name()
    {
        CopyDemoModel();
        Change("model_index.json", config => config["_class_name"] = "StableDiffusion3Pipeline");

        ModelInvalidException error = Assert.Throws<ModelInvalidException>(Build);

        Assert.Contains("StableDiffusion3Pipeline", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_index_that_contradicts_the_U_Net_is_refused()
    {
        CopyDemoModel();
        Change("model_index.json", config => config["_class_name"] = "StableDiffusionXLPipeline");

        ModelInvalidException error = Assert.Throws<ModelInvalidException>(Build);

        Assert.Contains("addition_embed_type", error.Message, StringComparison.Ordinal);
        Assert.Empty(Models());
    }

    [Fact]
    public void A_tensor_whose_shape_the_config_contradicts_is_named_with_both_shapes()
    {
        CopyDemoModel();
        Change("unet/config.json", config => config["in_channels"] = 9);

        ModelInvalidException error = Assert.Throws<ModelInvalidException>(Build);

        Assert.Contains("'conv_in.weight'", error.Message, StringComparison.Ordinal);
        Assert.Contains("[96,4,3,3]", error.Message, StringComparison.Ordinal);
        Assert.Contains("[96,9,3,3]", error.Message, StringComparison.Ordinal);
        Assert.Empty(Models());
    }

    [Fact]
    public void A_tensor_that_is_missing_is_named_with_its_shape()
    {
        CopyDemoModel();
        Change("unet/config.json", config => config["layers_per_block"] = 3);

        ModelInvalidException error = Assert.Throws<ModelInvalidException>(Build);

        Assert.Contains("'down_blocks.0.resnets.2.norm1.weight' [96]", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parts_of_different_models_are_refused()
    {
        CopyDemoModel();
        Change("unet/config.json", config => config["cross_attention_dim"] = 768);

        ModelInvalidException error = Assert.Throws<ModelInvalidException>(Build);

        Assert.Contains("768", error.Message, StringComparison.Ordinal);
        Assert.Contains("128", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Progress_grows_from_nothing_to_all_in_both_stages()
    {
        CopyDemoModel();
        List<ProgressReport> reports = [];

        ModelBuilder.Build(DiffusersFolder.Find(Source), Cache, Unthrottled(reports.Add), TestContext.Current.CancellationToken);

        foreach (IGrouping<string, ProgressReport> stage in reports.GroupBy(report => report.Activity))
        {
            double[] fractions = [.. stage.Select(report => report.Fraction)];
            Assert.Equal(fractions.Order(), fractions);
            Assert.InRange(fractions[0], 0, 0.1);
            Assert.Equal(1, fractions[^1]);
        }

        Assert.Equal(
            ["text_encoder", "unet", "vae_encoder", "vae_decoder"],
            reports.Where(report => report.Activity == BuildActivity.Writing).Select(report => report.Detail).Distinct());
    }

    [Fact]
    public void An_autoencoder_with_older_names_and_convolutions_in_its_attention_gives_the_same()
    {
        CopyDemoModel();
        string built = Build();
        string path = Path.Combine(Source, "vae", "diffusion_pytorch_model.safetensors");
        Dictionary<string, Tensor> tensors = [];
        using (SafetensorsFile file = SafetensorsFile.Open(path))
        {
            foreach (string name in file.Tensors.Keys)
            {
                Tensor tensor = file.Read(name);
                string older = name
                    .Replace(".to_q.", ".query.", StringComparison.Ordinal)
                    .Replace(".to_k.", ".key.", StringComparison.Ordinal)
                    .Replace(".to_v.", ".value.", StringComparison.Ordinal)
                    .Replace(".to_out.0.", ".proj_attn.", StringComparison.Ordinal);
                tensors.Add(older, older != name && tensor.Rank == 2 ? tensor.Reshape(tensor.Shape[0], tensor.Shape[1], 1, 1) : tensor);
            }
        }

        Assert.Equal(8, tensors.Count(tensor => tensor.Key.Contains(".proj_attn.", StringComparison.Ordinal) || tensor.Key.Contains(".query.", StringComparison.Ordinal)));
        SafetensorsWriter.Write(path, tensors);
        string older2 = Build();

        Assert.NotEqual(built, older2);
        foreach (string part in (string[])["vae_encoder", "vae_decoder"])
        {
            Assert.Equal(
                File.ReadAllBytes(Path.Combine(built, part, "model.onnx_data")),
                File.ReadAllBytes(Path.Combine(older2, part, "model.onnx_data")));
        }
    }

    private string Build() => ModelBuilder.Build(DiffusersFolder.Find(Source), Cache, null, TestContext.Current.CancellationToken);

    private static ProgressClock Unthrottled(Action<ProgressReport> report) => new(report, TimeSpan.Zero);

    private string[] Models() => Directory.Exists(Cache)
        ? [.. Directory.GetDirectories(Cache).Where(folder => Path.GetFileName(folder) != ".hashes")]
        : [];

    private void Change(string file, Action<JsonNode> change)
    {
        string path = Path.Combine(Source, file);
        JsonNode config = JsonNode.Parse(File.ReadAllBytes(path))!;
        change(config);
        File.WriteAllText(path, config.ToJsonString());
    }

    private void CopyDemoModel() => Repository.CopyDemoModel(Source);
}
