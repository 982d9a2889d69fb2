using System.Globalization;
using StableDiffusion.Adapters;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Adapters;

/// <summary>GLoRA, IA3, OFT, BOFT and changes of norms on small layers, against numbers in double precision.</summary>
/// <remarks>
/// <c>kinds-lora.safetensors</c> holds a module for each case, named after its kind, its layer and what is special about it;
/// <c>kinds.safetensors</c> holds the layers' random weights, and the changed weights at strengths. They were computed with
/// numpy by the formulas of the papers, row by row, and agree to 1e-15 with the modules of LyCORIS 3.2 (glora, ia3, norms,
/// diag_oft, boft) in double precision. The cases <c>oldglora</c> are W + (b2·b1 + W·a2·a1)·s, which LyCORIS wrote before version 3 and A1111
/// (network_glora.py) computes; <c>oftdiag</c> has the rotations themselves, as A1111's network_oft.py reads them; and <c>dora</c> gives the rows
/// of W + Δ lengths of their own, as ComfyUI's weight_decompose does.
/// </remarks>
public sealed class KindReferenceTests(KindReferenceTests.Layers layers) : IClassFixture<KindReferenceTests.Layers>
{
    private const string Prefix = "lora_unet_";

    public static TheoryData<string, double> Cases
    {
        get
        {
            TheoryData<string, double> cases = [];
            using SafetensorsFile reference = SafetensorsFile.Open(Repository.Data("adapters", "kinds.safetensors"));
            foreach (string[] name in reference.Tensors.Keys.Select(static name => name.Split('.', 2)).Where(static name => char.IsAsciiDigit(name[1][0])))
                cases.Add(name[0], double.Parse(name[1], CultureInfo.InvariantCulture));
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_changed_weight_is_that_of_the_formula(string name, double strength)
    {
        using SafetensorsFile reference = SafetensorsFile.Open(Repository.Data("adapters", "kinds.safetensors"));
        using LoraFile file = LoraFile.Open(Repository.Data("adapters", "kinds-lora.safetensors"));
        LoraLayer change = file.Layers.Single(layer => layer.Key.Module == Prefix + name);
        AdaptableLayer layer = layers.Find(name);
        float[] weight = layer.ReadWeight();

        change.Check(layer);
        float[] difference = change.Compute(file.File, layer, new Lazy<float[]>(weight), strength, TestContext.Current.CancellationToken);
        ReferenceLayers.AssertSum(weight, difference, reference.Read(string.Create(CultureInfo.InvariantCulture, $"{name}.{strength:0.0}")).Values);
    }

    [Fact]
    public void The_kinds_are_named()
    {
        using LoraFile file = LoraFile.Open(Repository.Data("adapters", "kinds-lora.safetensors"));
        Assert.Empty(file.UnknownTensors);
        Assert.Equal(["BOFT", "GLoRA", "GLoRA, DoRA", "IA3", "OFT", "norm"], file.Layers.Select(static layer => layer.Kind).Distinct().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_changed_bias_of_a_norm_is_the_sum()
    {
        using SafetensorsFile reference = SafetensorsFile.Open(Repository.Data("adapters", "kinds.safetensors"));
        using LoraFile file = LoraFile.Open(Repository.Data("adapters", "kinds-lora.safetensors"));
        LoraLayer change = file.Layers.Single(layer => layer.Key.Module == $"{Prefix}norm_norm");
        AdaptableLayer layer = layers.Find("norm_norm");

        Assert.Equal("norm", change.Kind);
        ReferenceLayers.AssertSum(reference.Read("norm.bias").Values, change.ComputeBias(file.File, layer, 0.7), reference.Read("norm_norm.bias.0.7").Values);
    }

    /// <summary>The layers of the cases.</summary>
    public sealed class Layers() : ReferenceLayers("kinds.safetensors");
}
