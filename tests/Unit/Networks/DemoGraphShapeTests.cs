using Microsoft.ML.OnnxRuntime;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Networks;

/// <summary>What the demo model's graphs promise beyond the reference cases: names, free sizes, batches.</summary>
public sealed class DemoGraphShapeTests(SharedModels models)
{
    private const string Prompt = "a purple heart on white";

    [Theory]
    [InlineData("text_encoder", "input_ids Int64 [-1,-1]", "last_hidden_state Float [-1,-1,128]; pooler_output Float [-1,128]")]
    [InlineData("unet", "encoder_hidden_states Float [-1,-1,128]; sample Float [-1,4,-1,-1]; timestep Float [-1]", "deep_features_0 Float [-1,96,-1,-1]; deep_features_1 Float [-1,96,-1,-1]; deep_features_2 Float [-1,192,-1,-1]; out_sample Float [-1,4,-1,-1]")]
    [InlineData("vae_encoder", "sample Float [-1,3,-1,-1]", "latent_parameters Float [-1,8,-1,-1]")]
    [InlineData("vae_decoder", "latent_sample Float [-1,4,-1,-1]", "sample Float [-1,3,-1,-1]")]
    public void Inputs_and_outputs_have_the_names_and_shapes_of_exports(string part, string inputs, string outputs)
    {
        using GraphSession session = Open(part);

        Assert.Equal(inputs, Describe(session.Inner.InputMetadata));
        Assert.Equal(outputs, Describe(session.Inner.OutputMetadata));
    }

    [Fact]
    public void A_batch_gives_what_its_pictures_give_alone_each_at_its_own_timestep()
    {
        Tensor first = RandomLatent(1, 6, 10, seed: 1);
        Tensor second = RandomLatent(1, 6, 10, seed: 2);
        Tensor text = DemoReference.Embedding(Prompt);
        Tensor texts = new([.. text.Values, .. text.Values], 2, text.Shape[1], text.Shape[2]);
        using GraphSession session = Open("unet");

        Tensor alone1 = Denoise(session, first, new Tensor([7f], 1), text);
        Tensor alone2 = Denoise(session, second, new Tensor([900.25f], 1), text);
        Tensor together = Denoise(
            session, new Tensor([.. first.Values, .. second.Values], 2, 4, 6, 10), new Tensor([7f, 900.25f], 2), texts);

        Closeness.AssertClose(new Tensor([.. alone1.Values, .. alone2.Values], 2, 4, 6, 10), together, 1e-5f);
    }

    [Fact]
    public void One_timestep_serves_a_whole_batch()
    {
        Tensor sample = RandomLatent(2, 4, 4, seed: 3);
        Tensor text = DemoReference.Embedding(Prompt);
        Tensor texts = new([.. text.Values, .. text.Values], 2, text.Shape[1], text.Shape[2]);
        using GraphSession session = Open("unet");

        Closeness.AssertClose(
            Denoise(session, sample, new Tensor([500f, 500f], 2), texts),
            Denoise(session, sample, new Tensor([500f], 1), texts),
            1e-6f);
    }

    [Theory]
    [InlineData(7, 9)]
    [InlineData(1, 1)]
    [InlineData(16, 5)]
    public void The_U_Net_takes_latents_with_odd_sides(int height, int width)
    {
        using GraphSession session = Open("unet");

        Tensor result = Denoise(session, RandomLatent(1, height, width, seed: 4), new Tensor([500f], 1), DemoReference.Embedding(Prompt));

        Assert.Equal([1, 4, height, width], result.Shape);
        Assert.DoesNotContain(result.Values, value => !float.IsFinite(value));
    }

    [Fact]
    public void The_text_may_be_longer_than_one_chunk()
    {
        Tensor text = DemoReference.Embedding(Prompt);
        Tensor twice = new([.. text.Values, .. text.Values], 1, 2 * text.Shape[1], text.Shape[2]);
        Tensor sample = RandomLatent(1, 8, 8, seed: 5);
        using GraphSession session = Open("unet");

        // Attention over the same tokens twice gives the same mean as over them once.
        Closeness.AssertClose(
            Denoise(session, sample, new Tensor([500f], 1), text),
            Denoise(session, sample, new Tensor([500f], 1), twice),
            1e-5f);
    }

    [Fact]
    public void A_token_does_not_see_those_after_it()
    {
        using GraphSession session = Open("text_encoder");
        Tensor one = session.Run(("input_ids", new long[] { 673, 320, 583, 624, 674 }))["last_hidden_state"];
        Tensor other = session.Run(("input_ids", new long[] { 673, 320, 583, 12, 13 }))["last_hidden_state"];

        int same = 3 * one.Shape[2];
        Assert.Equal(one.Values[..same], other.Values[..same]);
        Assert.NotEqual(one.Values[same..], other.Values[same..]);
    }

    [Fact]
    public void The_pooled_state_is_that_of_the_first_end_of_text()
    {
        using GraphSession session = Open("text_encoder");
        Dictionary<string, Tensor> outputs = session.Run(("input_ids", new long[] { 673, 320, 583, 674, 674, 674 }));

        int width = outputs["pooler_output"].Length;
        Assert.Equal(outputs["last_hidden_state"].Values[(3 * width)..(4 * width)], outputs["pooler_output"].Values);
    }

    [Theory]
    [InlineData(8, 24)]
    [InlineData(40, 16)]
    public void The_autoencoder_takes_any_multiple_of_its_factor(int height, int width)
    {
        Tensor picture = RandomLatent(1, height, width, seed: 6, channels: 3);
        using GraphSession encoder = Open("vae_encoder");
        using GraphSession decoder = Open("vae_decoder");

        Tensor parameters = encoder.Run(("sample", picture))["latent_parameters"];
        Tensor mean = new(parameters.Values[..(parameters.Length / 2)], 1, 4, height / 8, width / 8);
        Tensor decoded = decoder.Run(("latent_sample", mean))["sample"];

        Assert.Equal([1, 8, height / 8, width / 8], parameters.Shape);
        Assert.Equal([1, 3, height, width], decoded.Shape);
    }

    private static Tensor Denoise(GraphSession session, Tensor sample, Tensor timestep, Tensor text) =>
        session.Run(("sample", sample), ("timestep", timestep), ("encoder_hidden_states", text))["out_sample"];

    private static Tensor RandomLatent(int batch, int height, int width, int seed, int channels = 4)
    {
        Random random = new(seed);
        Tensor latent = new(batch, channels, height, width);
        foreach (ref float value in latent.Span)
            value = (float)(2 * random.NextDouble() - 1);
        return latent;
    }

    private static string Describe(IReadOnlyDictionary<string, NodeMetadata> values) => string.Join("; ", values
        .OrderBy(value => value.Key, StringComparer.Ordinal)
        .Select(value => $"{value.Key} {value.Value.ElementDataType} [{string.Join(',', value.Value.Dimensions)}]"));

    private GraphSession Open(string part) => new(Path.Combine(models.Demo, part, "model.onnx"));
}
