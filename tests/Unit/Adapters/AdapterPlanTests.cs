using StableDiffusion.Adapters;
using StableDiffusion.Library;
using StableDiffusion.Networks;
using StableDiffusion.Onnx;
using StableDiffusion.Running;

namespace StableDiffusion.Tests.Adapters;

[Collection(AloneCollection.Name)]
public sealed class AdapterPlanTests(SharedModels models) : IDisposable
{
    private const string UNetLayer = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k";
    private const string TextLayer = "lora_te_text_model_encoder_layers_0_mlp_fc2";

    private readonly TemporaryFolder _folder = new();
    private readonly LoraTensors _tensors = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_report_says_what_became_of_each_layer()
    {
        AddUNetLayer();
        _tensors.Add($"{TextLayer}.diff_b", 128);
        _tensors.Add("lora_unet_no_such_layer.diff", 4, 4);
        _tensors.Add($"{UNetLayer.Replace("to_k", "to_v", StringComparison.Ordinal)}.lora_up.weight", 192, 4);
        _tensors.Add("something_else", 4);

        AdapterReport report = Assert.Single(Plan(new Lora(_tensors.Save(_folder), 1, 0)).Reports);

        Assert.Equal((1, 1, 3), (report.Applied, report.Skipped, report.Unmatched));
        Assert.Equal(
            ["something_else", TextLayer, UNetLayer, UNetLayer.Replace("to_k", "to_v", StringComparison.Ordinal), "lora_unet_no_such_layer"],
            report.Keys.Select(key => key.Name));
        Assert.Equal("unet/down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k", report.Keys.Single(key => key.State == AdapterKeyState.Applied).Layer);
    }

    [Fact]
    public void A_layer_under_the_names_of_two_tools_is_a_damaged_file()
    {
        foreach (string name in (string[])["mid_block_attentions_0", "middle_block_1"])
        {
            _tensors.Add($"lora_unet_{name}_transformer_blocks_0_attn1_to_q.lora_up.weight", 192, 4);
            _tensors.Add($"lora_unet_{name}_transformer_blocks_0_attn1_to_q.lora_down.weight", 4, 192);
        }

        string message = Assert.Throws<AdapterInvalidException>(() => Plan(new Lora(_tensors.Save(_folder)))).Message;
        Assert.Contains("'lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q' and 'lora_unet_middle_block_1_transformer_blocks_0_attn1_to_q'", message, StringComparison.Ordinal);
    }

    /// <summary>Those of 8 bits would be taken without what they are to be multiplied by.</summary>
    [Fact]
    public void Integers_are_no_changes_and_no_vectors()
    {
        foreach (string name in (string[])["lora_unet_x.diff", "emb_params"])
        {
            string path = _folder[$"{name}.safetensors"];
            string header = $$"""{ "{{name}}": { "dtype": "I8", "shape": [1, 2], "data_offsets": [0, 2] } }""";
            File.WriteAllBytes(path, [.. BitConverter.GetBytes((long)header.Length), .. System.Text.Encoding.UTF8.GetBytes(header), 1, 2]);
            Action load = name == "emb_params" ? () => TextualInversionFile.Load(path) : () => LoraFile.Open(path).Dispose();
            Assert.Contains("of the type I8", Assert.Throws<AdapterInvalidException>(load).Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(1, 0, true, false)]
    [InlineData(0, 1, false, true)]
    [InlineData(1, 1, true, true)]
    public void Only_parts_that_are_changed_are_merged(double unet, double text, bool changesUNet, bool changesText)
    {
        AddUNetLayer();
        _tensors.Add($"{TextLayer}.diff_b", 128);
        AdapterPlan plan = Plan(new Lora(_tensors.Save(_folder), unet, text));

        Assert.Equal((changesUNet, changesText), (plan.Changes(isText: false), plan.Changes(isText: true)));
        using ReplacedWeights? merged = plan.Merge(ModelParts.UNet, Path.Combine(models.Demo, ModelParts.UNet, ModelParts.Graph), TestContext.Current.CancellationToken);
        Assert.Equal(changesUNet, merged is not null);
    }

    [Theory]
    [InlineData(float.NaN, "lora_up.weight")]
    [InlineData(float.PositiveInfinity, "lora_down.weight")]
    [InlineData(1e38f, "lora_up.weight")]
    [InlineData(-1e38f, "alpha")]
    [InlineData(float.NaN, "alpha")]
    [InlineData(float.NegativeInfinity, "diff_b")]
    public void A_LoRA_with_values_that_no_network_can_use_is_named(float value, string tensor)
    {
        float[] up = _tensors.Add($"{UNetLayer}.lora_up.weight", 192, 4), down = _tensors.Add($"{UNetLayer}.lora_down.weight", 4, 128);
        float[] bias = _tensors.Add("lora_unet_conv_in.diff_b", 96);
        _tensors.AddNumber($"{UNetLayer}.alpha", tensor == "alpha" ? value : 4);
        (tensor switch { "lora_up.weight" => up, "lora_down.weight" => down, "diff_b" => bias, _ => [0] })[0] = value;
        string path = _tensors.Save(_folder);
        AdapterPlan plan = Plan(new Lora(path));

        AdapterInvalidException error = Assert.Throws<AdapterInvalidException>(() => plan.Merge(ModelParts.UNet, Path.Combine(models.Demo, ModelParts.UNet, ModelParts.Graph), TestContext.Current.CancellationToken));
        Assert.Contains($"The LoRA '{path}' changes", error.Message, StringComparison.Ordinal);
        Assert.Contains("far too large", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Of_several_damaged_layers_the_first_is_named_in_each_run(int threads)
    {
        // In the order of their names; the first one takes longest.
        foreach ((string layer, int outWidth, int inWidth) in ((string, int, int)[])[("attn1_to_q", 192, 192), ("attn2_to_k", 192, 128), ("attn2_to_v", 192, 128)])
        {
            string name = UNetLayer.Replace("attn2_to_k", layer, StringComparison.Ordinal);
            int rank = layer == "attn1_to_q" ? 2000 : 1;
            _tensors.Add($"{name}.lora_up.weight", outWidth, rank)[0] = float.NaN;
            _tensors.Add($"{name}.lora_down.weight", rank, inWidth);
        }

        AdapterPlan plan = AdapterPlan.Make(models.Demo, AdapterSet.Create([new Lora(_tensors.Save(_folder))]), "demo", threads);
        for (int run = 0; run < 5; run++)
        {
            AdapterInvalidException error = Assert.Throws<AdapterInvalidException>(() => plan.Merge(ModelParts.UNet, Path.Combine(models.Demo, ModelParts.UNet, ModelParts.Graph), TestContext.Current.CancellationToken));
            Assert.Contains("attn1.to_q", error.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Computing_the_weights_can_be_cancelled(int threads)
    {
        AddUNetLayer();
        AdapterPlan plan = AdapterPlan.Make(models.Demo, AdapterSet.Create([new Lora(_tensors.Save(_folder))]), "demo", threads);
        Assert.ThrowsAny<OperationCanceledException>(() => plan.Merge(ModelParts.UNet, Path.Combine(models.Demo, ModelParts.UNet, ModelParts.Graph), new CancellationToken(canceled: true)));
    }

    [Fact]
    public void A_LoRA_of_which_nothing_fits_is_refused_and_its_family_guessed()
    {
        _tensors.Add("lora_unet_input_blocks_99_1_transformer_blocks_0_attn2_to_k.lora_up.weight", 640, 4);
        _tensors.Add("lora_unet_input_blocks_99_1_transformer_blocks_0_attn2_to_k.lora_down.weight", 4, 2048);
        AdapterInvalidException error = Assert.Throws<AdapterInvalidException>(() => Plan(new Lora(_tensors.Save(_folder))));
        Assert.Contains("Stable Diffusion XL", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_LoRA_whose_shapes_contradict_the_model_is_refused_and_its_family_guessed()
    {
        _tensors.Add($"{UNetLayer}.lora_up.weight", 192, 4);
        _tensors.Add($"{UNetLayer}.lora_down.weight", 4, 768);
        AdapterInvalidException error = Assert.Throws<AdapterInvalidException>(() => Plan(new Lora(_tensors.Save(_folder))));
        Assert.Contains("[192,768]", error.Message, StringComparison.Ordinal);
        Assert.Contains("Stable Diffusion 1", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sd_v1", "Stable Diffusion 1")]
    [InlineData("sd_v2_v", "Stable Diffusion 2")]
    [InlineData("sdxl_base_v1-0", "Stable Diffusion XL")]
    [InlineData("\u001b[2Jevil\n\u202e", null)]
    [InlineData("", null)]
    public void The_family_in_the_metadata_is_named_only_if_it_is_known(string version, string? family)
    {
        _tensors.Add("lora_unet_no_such_layer.diff", 4, 4);
        string path = _tensors.Save(_folder, metadata: new Dictionary<string, string> { ["ss_base_model_version"] = version });
        string message = Assert.Throws<AdapterInvalidException>(() => Plan(new Lora(path))).Message;
        Assert.Contains($"'lora_unet_no_such_layer'.{(family is null ? string.Empty : $" It looks like one for {family}.")} Use", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("lora_unet_conv_in", 95, "but the model's has 96")]
    [InlineData("lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_q", 192, "but the layer has no bias")]
    public void A_change_of_a_bias_that_the_layer_does_not_have_is_refused(string layer, int count, string reason)
    {
        _tensors.Add($"{layer}.diff_b", count);
        AdapterInvalidException error = Assert.Throws<AdapterInvalidException>(() => Plan(new Lora(_tensors.Save(_folder))));
        Assert.Contains($"by {count} values, {reason}.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Factors_that_do_not_fit_together_are_a_damaged_file()
    {
        _tensors.Add($"{UNetLayer}.lora_up.weight", 192, 4);
        _tensors.Add($"{UNetLayer}.lora_down.weight", 5, 128);
        string path = _tensors.Save(_folder);
        Assert.Contains(path, Assert.Throws<AdapterInvalidException>(() => LoraFile.Open(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_no_LoRA_is_refused()
    {
        Assert.Throws<AdapterInvalidException>(() => LoraFile.Open(Repository.Data("adapters", "my-style.safetensors")));
        Assert.Throws<AdapterNotFoundException>(() => LoraFile.Open(_folder["none.safetensors"]));
        File.WriteAllText(_folder["text.safetensors"], "This is no file of tensors.");
        Assert.Throws<AdapterInvalidException>(() => LoraFile.Open(_folder["text.safetensors"]));
    }

    [Fact]
    public void Graphs_of_another_exporter_are_refused()
    {
        AddUNetLayer();
        string folder = Repository.Data("exports", "current");
        AdapterInvalidException error = Assert.Throws<AdapterInvalidException>(
            () => AdapterPlan.Make(folder, AdapterSet.Create([new Lora(_tensors.Save(_folder))]), "foreign"));
        Assert.Contains("another exporter", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_set_is_known_by_its_files_and_strengths_in_any_order()
    {
        AddUNetLayer();
        Lora first = new(_tensors.Save(_folder, "first.safetensors"), 0.5);
        Lora second = new(_tensors.Save(_folder, "second.safetensors"), 0.25, 0);

        AdapterSet set = AdapterSet.Create([first, second]);
        Assert.Equal(set, AdapterSet.Create([second, first]));
        Assert.Equal(set.GetHashCode(), AdapterSet.Create([second, first]).GetHashCode());
        Assert.Equal(set, AdapterSet.Create([second, first with { Strength = 0.2 }, first with { Strength = 0.3 }]));
        Assert.NotEqual(set, AdapterSet.Create([first, second with { Strength = 0.3 }]));
        File.SetLastWriteTimeUtc(second.Path, DateTime.UtcNow.AddDays(-1));
        Assert.NotEqual(set, AdapterSet.Create([first, second]));
    }

    [Fact]
    public void Models_with_adapters_are_kept_apart_share_what_is_not_changed_and_only_the_last_two_stay_open()
    {
        AddUNetLayer();
        string path = _tensors.Save(_folder);
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        using ModelLease plain = ModelLibrary.Default.Open(Repository.DemoModel, Device.Cpu);
        DiffusionModel first = RentAndReturn(0.1);

        Assert.NotSame(plain.Model, first);
        Assert.NotSame(plain.Model.OpenUNet(null, cancellation), first.OpenUNet(null, cancellation));
        Assert.Same(plain.Model.OpenTextEncoder(null, cancellation), first.OpenTextEncoder(null, cancellation));
        Assert.Same(plain.Model.OpenVaeDecoder(null, cancellation), first.OpenVaeDecoder(null, cancellation));

        DiffusionModel second = RentAndReturn(0.2);
        Assert.Same(first, RentAndReturn(0.1));
        RentAndReturn(0.3);
        Assert.Same(first, RentAndReturn(0.1));
        Assert.NotSame(second, RentAndReturn(0.2));

        DiffusionModel RentAndReturn(double strength)
        {
            using ModelLease lease = ModelLibrary.Default.Open(Repository.DemoModel, Device.Cpu, AdapterSet.Create([new Lora(path, strength)]));
            return lease.Model;
        }
    }

    [Theory]
    [InlineData("style", "style", 1.0, null)]
    [InlineData("style.safetensors:0.8", "style.safetensors", 0.8, null)]
    [InlineData("style:-0.5:0.25", "style", -0.5, 0.25)]
    [InlineData(@"C:\x\style.safetensors:0.8:0", @"C:\x\style.safetensors", 0.8, 0.0)]
    [InlineData(@"C:\x\style.safetensors", @"C:\x\style.safetensors", 1.0, null)]
    public void A_LoRA_is_read_from_a_text(string text, string name, double strength, double? textStrength) =>
        Assert.Equal(new Lora(name, strength, textStrength), Lora.Parse(text, static found => new Lora(found)));

    [Theory]
    [InlineData("style:1000")]
    [InlineData("style:NaN")]
    public void A_strength_beyond_reason_is_refused(string text) =>
        Assert.Equal("Lora", Assert.Throws<InvalidSettingException>(() => Lora.Parse(text, static found => new Lora(found))).Setting);

    private void AddUNetLayer()
    {
        _tensors.Add($"{UNetLayer}.lora_up.weight", 192, 4);
        _tensors.Add($"{UNetLayer}.lora_down.weight", 4, 128);
    }

    private AdapterPlan Plan(Lora lora) => AdapterPlan.Make(models.Demo, AdapterSet.Create([lora]), "demo");
}
