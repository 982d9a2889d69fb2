using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using StableDiffusion.Adapters;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Adapters;

/// <summary>OFT of PEFT on small layers, against PEFT's own class.</summary>
/// <remarks>
/// <c>peft-oft.safetensors</c> holds random weights of layers, the values of the adapter of each case, and the weight that
/// PEFT 0.18's OFTRotationModule makes of it in double precision; <c>peft-oft.json</c> the config of each case. Weights at a strength of 0.6 are
/// 0.4 of the original and 0.6 of the changed one.
/// </remarks>
public sealed class PeftRotationTests(PeftRotationTests.Layers layers, SharedModels models) : IClassFixture<PeftRotationTests.Layers>, IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Cases => [.. Configs().Select(static config => config.Key)];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_changed_weight_is_that_of_PEFT(string name)
    {
        using SafetensorsFile reference = SafetensorsFile.Open(Repository.Data("adapters", "peft-oft.safetensors"));
        using LoraFile file = LoraFile.Open(Save(Configs()[name], $"base_model.model.down_blocks.{name}.oft_R.weight", reference.Read($"{name}.oft_R")));
        LoraLayer change = Assert.Single(file.Layers);
        AdaptableLayer layer = layers.Find(name);
        float[] weight = layer.ReadWeight();
        Assert.Equal(("OFT of PEFT", "unet"), (change.Kind, change.Key.Part));

        change.Check(layer);
        foreach (double strength in (double[])[1, 0.6])
        {
            float[] difference = change.Compute(file.File, layer, new Lazy<float[]>(weight), strength, TestContext.Current.CancellationToken);
            ReferenceLayers.AssertSum(weight, difference, reference.Read(string.Create(CultureInfo.InvariantCulture, $"{name}.{strength:0.0}")).Values);
        }
    }

    [Theory]
    [InlineData("coft", "true", "coft")]
    [InlineData("coft", "1", "coft")]
    [InlineData("block_share", "\"yes\"", "block_share")]
    [InlineData("use_cayley_neumann", null, "use_cayley_neumann")]
    [InlineData("num_cayley_neumann_terms", "0", "num_cayley_neumann_terms")]
    [InlineData("num_cayley_neumann_terms", "101", "num_cayley_neumann_terms")]
    [InlineData("num_cayley_neumann_terms", "2.5", "num_cayley_neumann_terms")]
    [InlineData("peft_version", null, "before 0.18")]
    [InlineData("peft_version", "\"0.17.1\"", "before 0.18")]
    [InlineData("peft_version", "\"new\"", "before 0.18")]
    [InlineData("peft_type", "\"BOFT\"", "peft_type")]
    public void A_config_that_asks_for_something_else_is_refused(string key, string? value, string named)
    {
        JsonObject config = JsonNode.Parse(Configs()["five_linear"].GetRawText())!.AsObject();
        config[key] = value is null ? null : JsonNode.Parse(value);
        if (value is null)
            config.Remove(key);
        string path = Save(JsonSerializer.SerializeToElement(config), "base_model.model.conv_in.oft_R.weight", new Tensor(4, 15));

        string message = Assert.Throws<AdapterInvalidException>(() => LoraFile.Open(path)).Message;

        Assert.Contains(named, message, StringComparison.Ordinal);
        Assert.StartsWith($"'{path}' is an adapter of PEFT's OFT", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(4, 16)]
    [InlineData(2, 2)]
    [InlineData(0, 15)]
    public void Values_that_are_not_of_blocks_are_a_damaged_file(int rows, int count) => Assert.Contains(
        "oft_R.weight",
        Assert.Throws<AdapterInvalidException>(() => LoraFile.Open(Save(Configs()["five_linear"], "base_model.model.conv_in.oft_R.weight", new Tensor(rows, count)))).Message,
        StringComparison.Ordinal);

    [Fact]
    public void A_file_without_its_config_or_of_an_old_version_is_refused_by_name()
    {
        string path = Save(Configs()["five_linear"], "base_model.model.conv_in.oft_R.weight", new Tensor(4, 15));
        File.Delete(_folder[PeftRotation.FileName]);
        Assert.Contains("there is no", Assert.Throws<AdapterInvalidException>(() => LoraFile.Open(path)).Message, StringComparison.Ordinal);

        File.WriteAllText(_folder[PeftRotation.FileName], "[1");
        Assert.Contains("cannot be read as JSON", Assert.Throws<AdapterInvalidException>(() => LoraFile.Open(path)).Message, StringComparison.Ordinal);

        string old = Save(Configs()["five_linear"], "base_model.model.conv_in.oft_r", new Tensor(4, 15));
        Assert.Contains("old version", Assert.Throws<AdapterInvalidException>(() => LoraFile.Open(old)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k", 16, 28, false, null)]
    [InlineData("down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k", 15, 28, false, "[*,120] without a kernel")]
    [InlineData("down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k", 1, 28, true, null)]
    [InlineData("down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k", 1, 66, true, "[*, a multiple of 12] without a kernel")]
    [InlineData("conv_in", 9, 6, false, "[*,36] without a kernel")]
    public void It_fits_layers_without_a_kernel_whose_inputs_are_those_of_the_blocks(string layer, int rows, int count, bool isShared, string? shape)
    {
        JsonObject config = JsonNode.Parse(Configs()["five_linear"].GetRawText())!.AsObject();
        config["block_share"] = isShared;
        AdapterSet set = AdapterSet.Create([new Lora(Save(JsonSerializer.SerializeToElement(config), $"base_model.model.{layer}.oft_R.weight", new Tensor(rows, count)))]);
        if (shape is null)
            Assert.Equal(1, AdapterPlan.Make(models.Demo, set, "demo").Reports.Single().Applied);
        else
            Assert.Contains(shape, Assert.Throws<AdapterInvalidException>(() => AdapterPlan.Make(models.Demo, set, "demo")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_changed_config_is_another_adapter()
    {
        string path = Save(Configs()["five_linear"], "base_model.model.conv_in.oft_R.weight", new Tensor(4, 15));
        AdapterSet first = AdapterSet.Create([new Lora(path)]);
        Assert.Equal(first, AdapterSet.Create([new Lora(path)]));
        File.SetLastWriteTimeUtc(_folder[PeftRotation.FileName], DateTime.UnixEpoch);
        Assert.NotEqual(first, AdapterSet.Create([new Lora(path)]));
    }

    [Fact]
    public void Values_that_are_no_numbers_are_refused()
    {
        Tensor values = new(4, 15);
        values.Values[3] = float.NaN;
        using LoraFile file = LoraFile.Open(Save(Configs()["five_linear"], "base_model.model.down_blocks.five_linear.oft_R.weight", values));
        AdaptableLayer layer = layers.Find("five_linear");
        Assert.Contains("gives no rotations", Assert.Throws<AdapterInvalidException>(() => file.Layers[0].Compute(file.File, layer, new Lazy<float[]>(layer.ReadWeight), 1, TestContext.Current.CancellationToken)).Message, StringComparison.Ordinal);
    }

    private static Dictionary<string, JsonElement> Configs() => JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(File.ReadAllText(Repository.Data("adapters", "peft-oft.json")))!;

    private string Save(JsonElement config, string name, Tensor values)
    {
        string path = _folder["adapter_model.safetensors"];
        SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { [name] = values });
        File.WriteAllText(_folder[PeftRotation.FileName], config.GetRawText());
        return path;
    }

    /// <summary>The layers of the cases.</summary>
    public sealed class Layers() : ReferenceLayers("peft-oft.safetensors");
}
