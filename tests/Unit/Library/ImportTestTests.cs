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
    public void Weights_that_are_not_numbers_are_refused_and_imported_without_the_test(string weights)
    {
        string path = CopyTiny("source");
        SafetensorsWriter.Change(Path.Combine(path, weights), static tensors =>
        {
            foreach (StableDiffusion.Tensors.Tensor tensor in tensors.Values)
                tensor.Values.AsSpan().Fill(float.NaN);
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
