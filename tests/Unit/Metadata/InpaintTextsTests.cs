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
    public void Soft_inpainting_is_read_and_settings_of_it_that_are_not_the_defaults_give_a_warning()
    {
        List<string> warnings = [];
        GenerationInfo info = InfotextMetadata.Read(
            $"{Start}, Mask blur: 4, Soft inpainting enabled: True, Soft inpainting schedule bias: 1.0, Soft inpainting preservation strength: 0.8, Version: v1.10.1", hasGraph: false, warnings).Info;

        Assert.Equal(nameof(InpaintMode.Soft), info.InpaintMode);
        Assert.Contains("Soft inpainting preservation strength: 0.8", Assert.Single(warnings, static warning => warning.Contains("ignored", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.DoesNotContain(warnings, static warning => warning.Contains("schedule bias", StringComparison.Ordinal));
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
            InpaintMode = nameof(InpaintMode.Differential),
            MaskBlur = 3,
            MaskInvert = true,
            MaskFill = nameof(MaskFill.Fill),
            MaskedOnly = true,
            MaskPadding = 8,
            NoPasteBack = true,
        };
        GenerationInfo read = InfotextMetadata.Read(Infotext.Format(info), hasGraph: false, []).Info;

        foreach (Setting row in SettingTable.Rows.Where(row => row.Name.Contains("Mask", StringComparison.Ordinal) || row.Name is nameof(info.InpaintMode) or nameof(info.StrengthRule) or nameof(info.NoPasteBack)))
            Assert.Equal(row.Get(info), row.Get(read));
        Assert.Equal("Fill", read.MaskFill);
    }
}
