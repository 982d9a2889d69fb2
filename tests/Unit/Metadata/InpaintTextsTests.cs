using StableDiffusion.Metadata;
using StableDiffusion.Settings;

namespace StableDiffusion.Tests.Metadata;

public sealed class InpaintTextsTests
{
    private const string Start = "a cat\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 1, Size: 64x64, Denoising strength: 0.5";

    [Fact]
    public void The_settings_of_inpainting_that_A1111_writes_are_read()
    {
        List<string> warnings = [];
        GenerationInfo info = InfotextMetadata.Read(
            $"{Start}, Mask blur: 4, Mask mode: Inpaint not masked, Inpaint area: Only masked, Masked area padding: 32, Masked content: latent noise, Version: v1.10.1", hasGraph: false, warnings).Info;

        Assert.Equal((4, true, true, 32, nameof(MaskFill.Noise), nameof(InpaintMode.A1111)), (info.MaskBlur, info.MaskInvert, info.MaskedOnly, info.MaskPadding, info.MaskFill, info.InpaintMode));
        Assert.DoesNotContain(warnings, static warning => warning.Contains("ignored", StringComparison.Ordinal));
    }

    [Fact]
    public void Soft_inpainting_is_read_with_its_settings()
    {
        List<string> warnings = [];
        GenerationInfo info = InfotextMetadata.Read(
            $"{Start}, Mask blur: 4, Soft inpainting enabled: True, Soft inpainting schedule bias: 1.0, Soft inpainting preservation strength: 0.8, Soft inpainting difference contrast: 9, Version: v1.10.1", hasGraph: false, warnings).Info;

        Assert.Equal(nameof(InpaintMode.Soft), info.InpaintMode);
        Assert.Equal((null, 0.8, null), (info.SoftScheduleBias, info.SoftPreservationStrength, info.SoftDifferenceContrast));
        Assert.Contains("Soft inpainting difference contrast", Assert.Single(warnings, static warning => warning.Contains("ignored", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_refiner_that_A1111_switched_to_by_steps_is_read()
    {
        List<string> warnings = [];
        GenerationInfo info = InfotextMetadata.Read("a cat\nSteps: 20, Sampler: Euler, Seed: 1, Refiner switch by sampling steps: True, Refiner: b [0123456789], Refiner switch at: 0.5, Version: v1.10.1", hasGraph: false, warnings).Info;

        Assert.True(info.RefinerSwitchBySteps);
        Assert.Contains("Refiner switch by sampling steps: True", Infotext.Format(info), StringComparison.Ordinal);
        Assert.Empty(warnings);
    }

    [Fact]
    public void What_is_written_is_read_back()
    {
        GenerationInfo info = new()
        {
            Prompt = "a cat",
            Seed = 1,
            Steps = 4,
            Strength = 0.5,
            StrengthRule = "Exact",
            InpaintMode = nameof(InpaintMode.Soft),
            SoftScheduleBias = 1.5,
            SoftPreservationStrength = 0.8,
            SoftContrastBoost = 2,
            SoftMaskInfluence = 0.25,
            SoftDifferenceThreshold = 1,
            SoftDifferenceContrast = 3.5,
            MaskBlur = 3,
            MaskInvert = true,
            MaskFill = nameof(MaskFill.Fill),
            MaskedOnly = true,
            MaskPadding = 8,
            NoPasteBack = true,
        };
        GenerationInfo read = InfotextMetadata.Read(Infotext.Format(info), hasGraph: false, []).Info;

        foreach (Setting row in SettingTable.Rows.Where(row => row.Name.Contains("Mask", StringComparison.Ordinal) || row.Name.StartsWith("Soft", StringComparison.Ordinal) || row.Name is nameof(info.InpaintMode) or nameof(info.StrengthRule) or nameof(info.NoPasteBack)))
            Assert.Equal(row.Get(info), row.Get(read));
        Assert.Equal("Fill", read.MaskFill);
    }
}
