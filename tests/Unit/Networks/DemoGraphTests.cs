using System.Text.Json;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Networks;

/// <summary>The demo model's graphs against diffusers and transformers.</summary>
public sealed class DemoGraphTests(SharedModels models)
{
    private const float Tolerance = 2e-4f;
    private const float VaeTolerance = 1e-3f;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void The_text_encoder_gives_the_reference_embeddings(int index)
    {
        JsonElement item = DemoReference.Cases("text")[index];
        long[] ids = [.. item.GetProperty("ids").EnumerateArray().Select(id => id.GetInt64())];
        using GraphSession session = Open("text_encoder");

        Dictionary<string, Tensor> outputs = session.Run(("input_ids", ids));

        Closeness.AssertClose(DemoReference.Read(item, "last_hidden_state"), outputs["last_hidden_state"], Tolerance);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void The_U_Net_gives_the_reference_noise(int index)
    {
        JsonElement item = DemoReference.Cases("unet")[index];
        Tensor sample = DemoReference.Read(item, "sample");
        Tensor timestep = new([item.GetProperty("timestep").GetSingle()], 1);
        using GraphSession session = Open("unet");

        Dictionary<string, Tensor> outputs = session.Run(
            ("sample", sample), ("timestep", timestep), ("encoder_hidden_states", Text(item.GetProperty("prompt"))));

        Closeness.AssertClose(DemoReference.Read(item, "noise_pred"), outputs["out_sample"], Tolerance);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void The_VAE_encoder_gives_the_reference_latents(int index)
    {
        JsonElement item = DemoReference.Cases("vae")[index];
        using GraphSession session = Open("vae_encoder");

        Tensor parameters = session.Run(("sample", ReadImage(item.GetProperty("image").GetString()!)))["latent_parameters"];

        int half = parameters.Length / 2;
        Tensor mean = DemoReference.Read(item, "mean");
        Closeness.AssertClose(mean, new Tensor(parameters.Values[..half], [.. mean.Shape]), VaeTolerance);
        Closeness.AssertClose(DemoReference.Read(item, "logvar"), new Tensor(parameters.Values[half..], [.. mean.Shape]), VaeTolerance);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void The_VAE_decoder_gives_the_reference_pictures(int index)
    {
        JsonElement item = DemoReference.Cases("vae")[index];
        using GraphSession session = Open("vae_decoder");

        Tensor picture = session.Run(("latent_sample", DemoReference.Read(item, "mean")))["sample"];

        Closeness.AssertClose(DemoReference.Read(item, "decoded_mean"), picture, VaeTolerance);
    }

    private GraphSession Open(string part) => new(Path.Combine(models.Demo, part, "model.onnx"));

    private static Tensor Text(JsonElement prompt)
    {
        if (prompt.ValueKind == JsonValueKind.String)
            return DemoReference.Embedding(prompt.GetString()!);

        Tensor[] embeddings = [.. prompt.EnumerateArray().Select(text => DemoReference.Embedding(text.GetString()!))];
        return new Tensor(
            [.. embeddings.SelectMany(embedding => embedding.Values)], embeddings.Length, embeddings[0].Shape[1], embeddings[0].Shape[2]);
    }

    private static Tensor ReadImage(string name) => PixelTensor.FromImage(ImageFile.Read(Repository.Data("demo", name)));
}
