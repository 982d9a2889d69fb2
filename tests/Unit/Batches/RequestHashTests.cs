using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using StableDiffusion.Batches;
using StableDiffusion.Settings;

namespace StableDiffusion.Tests.Batches;

public sealed class RequestHashTests
{
    private static readonly GenerationInfo s_settings = new() { Prompt = "a red house", Steps = 20, GuidanceScale = 7.5, Scheduler = "Euler", Model = "demo" };

    [Fact]
    public void It_is_the_hash_of_the_settings_in_the_order_of_their_names()
    {
        string digits = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes("""{"GuidanceScale":"7.5","Model":"demo","Prompt":"a red house","Scheduler":"Euler","Steps":"20"}""")));
        RequestHash hash = new(s_settings);
        Assert.Equal(digits, hash.Digits);
        Assert.Equal(long.Parse(digits.AsSpan(0, 8), NumberStyles.HexNumber, CultureInfo.InvariantCulture), hash.Seed);
    }

    [Fact]
    public void It_is_the_same_in_every_language()
    {
        string expected = new RequestHash(s_settings).Digits;
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo("de-DE");
            Assert.Equal(expected, new RequestHash(s_settings).Digits);
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void Spelling_defaults_and_folders_do_not_change_it()
    {
        string expected = new RequestHash(s_settings).Digits;
        Assert.All<GenerationInfo>(
            [
                s_settings with { Scheduler = "euler" },
                s_settings with { PromptSyntax = "plain", ClipSkip = 1, Tiling = "NONE", EtaNoiseSeedDelta = 0, BatchSize = 1 },
                s_settings with { Model = "/models/demo" },
            ],
            settings => Assert.Equal(expected, new RequestHash(settings).Digits));
        Assert.Equal(
            new RequestHash(s_settings with { SchedulerOptions = """{"eta":0.5,"timestep_spacing":"trailing"}""" }).Digits,
            new RequestHash(s_settings with { SchedulerOptions = """{"timestep_spacing":"trailing","eta":0.5}""" }).Digits);
    }

    [Fact]
    public void Every_other_setting_changes_it()
    {
        GenerationInfo[] others =
        [
            s_settings, s_settings with { Prompt = "A red house" }, s_settings with { NegativePrompt = "a tree" }, s_settings with { Steps = 21 }, s_settings with { GuidanceScale = 7.25 }, s_settings with { Scheduler = "DDIM" },
            s_settings with { Seed = 1 }, s_settings with { Width = 64 }, s_settings with { Height = 64 }, s_settings with { Model = "other" }, s_settings with { Tiling = "X" }, s_settings with { Lora = """["a:0.5"]""" },
            s_settings with { Hires = new HiresSettings { HiresScale = 2 } }, s_settings with { MicroConditioning = new MicroConditioning { CropTop = 8 } }, s_settings with { SchedulerOptions = """{"eta":0.5}""" },
        ];
        RequestHash image = new(s_settings);
        image.Add("InitImage", "0123");
        Assert.Equal(others.Length + 1, others.Select(static settings => new RequestHash(settings).Digits).Append(image.Digits).Distinct().Count());
    }
}
