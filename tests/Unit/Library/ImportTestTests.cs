using System.Text.Json.Nodes;
using StableDiffusion.Library;
using StableDiffusion.Running;

namespace StableDiffusion.Tests.Library;

/// <summary>What cannot work is not imported, unless the test is skipped; and what the test without a run finds.</summary>
public sealed class ImportTestTests : StoreCase
{
    [Theory]
    [InlineData("unet/diffusion_pytorch_model.safetensors")]
    [InlineData("text_encoder/model.safetensors")]
    [InlineData("vae/diffusion_pytorch_model.safetensors")]
    public void Weights_too_large_to_compute_with_are_refused_and_imported_without_the_test(string weights)
    {
        string path = CopyTiny("source");
        SafetensorsWriter.Change(Path.Combine(path, weights), static tensors =>
        {
            foreach (StableDiffusion.Tensors.Tensor tensor in tensors.Values)
                tensor.Values.AsSpan().Fill(1e30f);
        });

        ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => Import(path));
        Assert.Equal(Remedy.SkipTest, error.Remedy);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        Assert.Contains("not finite", error.Message, StringComparison.OrdinalIgnoreCase);
        Assert.Empty(Contents);

        Assert.False(Import(path, skipsTest: true).WasThere);
        Assert.Throws<ModelInvalidException>(() => Import(path));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"model": {"vocab": {"a": 1}, "merges": []}}""")]
    public void A_damaged_tokenizer_is_refused(string tokenizer)
    {
        string path = CopyTiny("source");
        File.WriteAllText(Path.Combine(path, "tokenizer", "tokenizer.json"), tokenizer);

        Assert.Contains("tokenizer", Assert.Throws<ModelInvalidException>(() => Import(path)).Message, StringComparison.Ordinal);
        Assert.Empty(Contents);
    }

    [Theory]
    [InlineData("text_encoder")]
    [InlineData("unet")]
    [InlineData("vae_decoder")]
    [InlineData("vae_encoder")]
    public void A_folder_with_a_graph_of_garbage_is_refused(string part)
    {
        string path = CopyExport("source");
        File.WriteAllBytes(Path.Combine(path, part, "model.onnx"), [.. Enumerable.Range(0, 1000).Select(static i => (byte)(i * 37))]);

        Assert.Contains(part, Assert.Throws<ModelInvalidException>(() => Import(path)).Message, StringComparison.Ordinal);
        Assert.Empty(Contents);
        Assert.False(Library.Test(Library.Models.Find(path, Token), runs: false, Token).IsValid);
    }

    [Theory]
    [InlineData("unet/diffusion_pytorch_model.safetensors", 0)]
    [InlineData("unet/diffusion_pytorch_model.safetensors", 4_000_000)]
    [InlineData("text_encoder/model.safetensors", -1)]
    [InlineData("vae/diffusion_pytorch_model.safetensors", -1)]
    [InlineData("tokenizer/tokenizer.json", 1000)]
    [InlineData("tokenizer/tokenizer.json", -1)]
    public void A_test_without_a_run_finds_files_that_are_missing_or_cut_off(string file, int length)
    {
        string path = CopyTiny("models", "mine");
        string full = Path.Combine(path, file);
        if (length < 0)
        {
            File.Delete(full);
        }
        else
        {
            using FileStream stream = new(full, FileMode.Open);
            stream.SetLength(length);
        }

        ModelTestReport report = Library.Test(Library.Models.Find("mine", Token), runs: false, Token);
        Assert.Contains(file.Split('/')[0], Assert.Single(report.Problems), StringComparison.Ordinal);
        Assert.False(report.HasRun);
        Assert.False(Directory.Exists(Folder["cache"]));
    }

    [Fact]
    public void A_test_without_a_run_finds_weights_of_other_shapes()
    {
        string path = CopyTiny("models", "mine");
        SetKey(Path.Combine(path, "unet", "config.json"), "in_channels", 9);
        ModelInfo model = Library.Models.Find("mine", Token);

        Assert.Contains("conv_in.weight", Assert.Single(Library.Test(model, runs: false, Token).Problems), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("unet", "vae_encoder", "no input named timestep")]
    [InlineData("vae_decoder", "unet", "no input named latent_sample")]
    [InlineData("text_encoder", "vae_decoder", "no input named input_ids")]
    public void A_test_without_a_run_finds_the_graph_of_another_part(string part, string other, string problem)
    {
        string path = CopyExport("models", "graphs");
        File.Copy(Path.Combine(path, other, "model.onnx"), Path.Combine(path, part, "model.onnx"), overwrite: true);

        Assert.Contains(problem, Assert.Single(Library.Test(Library.Models.Find("graphs", Token), runs: false, Token).Problems), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, "vocab_size", 1000, "has the id 49407, but the text encoder has 1000 ids")]
    [InlineData(true, "vocab_size", 674, "vocab.json")]
    [InlineData(true, "max_position_embeddings", 76, "tokenizer_config.json")]
    public void A_tokenizer_that_does_not_fit_the_text_encoder_is_found(bool isExport, string key, int value, string problem)
    {
        string path = isExport ? CopyExport("source") : CopyTiny("source");
        string config = Path.Combine(path, "text_encoder", "config.json");
        if (isExport)
            File.WriteAllText(config, "{}");
        else
            ShrinkVocabulary(path, value);
        SetKey(config, key, value);
        Assert.Contains(problem, Assert.Single(Library.Test(Library.Models.Find(path, Token), runs: false, Token).Problems), StringComparison.Ordinal);
        Assert.Contains(problem, Assert.Throws<ModelInvalidException>(() => Import(path)).Message, StringComparison.Ordinal);
        Assert.Empty(Contents);
    }

    [Fact]
    public void A_test_without_a_run_finds_a_single_file_whose_text_encoder_has_fewer_ids()
    {
        string path = Folder["tiny.safetensors"];
        File.Copy(StableDiffusion.Tests.Pipelines.FamilyReference.Find("sd1", "sd1-tiny.safetensors"), path);
        Assert.Empty(Library.Test(Library.Models.Find(path, Token), runs: false, Token).Problems);

        ShrinkVocabulary(path, 1000);
        Assert.Contains("has the id 49407, but the text encoder has 1000 ids", Assert.Single(Library.Test(Library.Models.Find(path, Token), runs: false, Token).Problems), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("trained_betas", "[0]", "trained_betas")]
    public void A_test_without_a_run_finds_a_scheduler_that_cannot_be_created(string key, string value, string problem)
    {
        string path = CopyTiny("models", "mine");
        SetKey(Path.Combine(path, "scheduler", "scheduler_config.json"), key, JsonNode.Parse(value));
        Assert.Contains(problem, Assert.Single(Library.Test(Library.Models.Find("mine", Token), runs: false, Token).Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void A_sample_size_beyond_the_limit_of_pixels_is_found_before_the_run()
    {
        string path = CopyTiny("source");
        SetKey(Path.Combine(path, "unet", "config.json"), "sample_size", 4096);
        Assert.Contains("'sample_size'", Assert.Throws<ModelInvalidException>(() => Import(path, skipsTest: true)).Message, StringComparison.Ordinal);
        Assert.Contains("'sample_size'", Assert.Single(Library.Test(Library.Models.FindAny(path, Token), runs: false, Token).Problems), StringComparison.Ordinal);
        Assert.Empty(Contents);
    }

    [Fact]
    public void A_model_that_edits_images_without_an_input_for_them_is_found_before_the_run()
    {
        string path = CopyTiny("source");
        SetKey(Path.Combine(path, "model_index.json"), "_class_name", "StableDiffusionInstructPix2PixPipeline");
        Assert.Contains("'in_channels' must be 8", Assert.Throws<ModelInvalidException>(() => Import(path, skipsTest: true)).Message, StringComparison.Ordinal);
        Assert.Contains("'in_channels' must be 8", Assert.Single(Library.Test(Library.Models.FindAny(path, Token), runs: false, Token).Problems), StringComparison.Ordinal);
        Assert.Empty(Contents);
    }

    private static void ShrinkVocabulary(string path, int rows) => SafetensorsWriter.Change(File.Exists(path) ? path : Path.Combine(path, "text_encoder", "model.safetensors"), tensors =>
    {
        string name = tensors.Keys.Single(static name => name.EndsWith("token_embedding.weight", StringComparison.Ordinal));
        StableDiffusion.Tensors.Tensor all = tensors[name];
        int width = all.Values.Length / all.Shape[0];
        tensors[name] = new StableDiffusion.Tensors.Tensor(all.Values[..(rows * width)], rows, width);
    });

    [Fact]
    public void Prompts_longer_than_the_text_encoder_takes_are_found()
    {
        string path = CopyTiny("models", "mine");
        SetKey(Path.Combine(path, "tokenizer", "tokenizer_config.json"), "model_max_length", 4000);
        string problem = Assert.Single(Library.Test(Library.Models.Find("mine", Token), runs: false, Token).Problems);
        Assert.Contains("tokenizer_config.json", problem, StringComparison.Ordinal);
        Assert.Contains("prompts of 4000 ids", problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("scheduler/scheduler_config.json")]
    [InlineData("vae/config.json")]
    [InlineData("unet/config.json")]
    [InlineData("model_index.json")]
    [InlineData("generation_config.json")]
    public void A_broken_model_is_found_by_its_name_and_its_path_with_a_report(string file)
    {
        string path = CopyTiny("models", "mine");
        File.WriteAllText(Path.Combine(path, file), "{");
        foreach (string name in (string[])["mine", path])
            Assert.Contains(Path.GetFileName(file), Assert.Single(Library.Test(Library.Models.FindAny(name, Token), runs: false, Token).Problems), StringComparison.Ordinal);
        Assert.Throws<ModelNotFoundException>(() => Library.Models.FindAny("none", Token));
    }

    [Fact]
    public void A_good_model_passes_the_test_without_a_run()
    {
        CopyTiny("models", "weights");
        CopyExport("models", "graphs");
        foreach (string name in (string[])["weights", "graphs"])
            Assert.Empty(Library.Test(Library.Models.Find(name, Token), runs: false, Token).Problems);
    }

    [Theory]
    [InlineData("sd1", "sd1-tiny.safetensors")]
    [InlineData("sd1-inpaint", "sd1-inpaint-tiny.safetensors")]
    [InlineData("sd2", "sd2-v-tiny.safetensors")]
    [InlineData("sdxl", "sdxl-tiny.safetensors")]
    public void Every_family_passes_the_test_of_the_import(string family, string file) =>
        Assert.Null(Import(StableDiffusion.Tests.Pipelines.FamilyReference.Find(family, file)).Model.Problem);
}
