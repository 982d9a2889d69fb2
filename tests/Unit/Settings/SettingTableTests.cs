using System.Xml.Linq;
using SdPowerShell.Commands;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;

namespace StableDiffusion.Tests.Settings;

public sealed class SettingTableTests
{
    // Under these names where the text of a record and the value of a parameter differ.
    private static readonly Dictionary<string, string?> s_names = new()
    {
        [nameof(GenerationInfo.SchedulerOptions)] = nameof(NewDiffusionImageCommand.SchedulerOption),
        [nameof(GenerationInfo.VaeHash)] = null,
        [nameof(GenerationInfo.ModelHash)] = null,
    };

    [Fact]
    public void Every_setting_is_a_parameter_and_a_property_of_what_it_makes()
    {
        foreach (string name in SettingTable.Rows.Select(row => s_names.GetValueOrDefault(row.Name, row.Name)).OfType<string>())
        {
            Assert.NotNull(typeof(NewDiffusionImageCommand).GetProperty(name));
            Assert.NotNull(typeof(DiffusionImage).GetProperty(name));
        }
    }

    [Fact]
    public void Every_setting_is_in_the_list_view()
    {
        string view = File.ReadAllText(Path.Combine(Repository.Root, "src", "SdPowerShell", "StableDiffusion.Format.ps1xml"));

        foreach (Setting row in SettingTable.Rows.Where(row => row.Name is not nameof(GenerationInfo.Prompt)))
            Assert.Matches($@"<PropertyName>{row.Name}</PropertyName>|\[SdPowerShell\.Printable\]::Of\(\$_\.{row.Name}\)", view);
    }

    [Fact]
    public void Every_property_of_an_image_but_its_pixels_and_stages_is_serialized()
    {
        XDocument types = XDocument.Load(Path.Combine(Repository.Root, "src", "SdPowerShell", "StableDiffusion.Types.ps1xml"));
        IEnumerable<string> serialized = types.Descendants("Type").Single(static type => type.Element("Name")!.Value == typeof(DiffusionImage).FullName).Descendants("PropertySet").Single(static set => set.Element("Name")!.Value == "PropertySerializationSet").Element("ReferencedProperties")!.Elements().Select(name => name.Value);

        // The last two are added by the module.
        string[] expected = [.. typeof(DiffusionImage).GetProperties().Select(property => property.Name).Except([nameof(DiffusionImage.Pixels), nameof(DiffusionImage.Info), nameof(DiffusionImage.Stages)]), "NoMetadata", "SerializationData"];
        Assert.Equal(expected.Order(StringComparer.Ordinal), serialized.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_help_gives_the_range_that_is_checked()
    {
        // Those of the refiner, of the second pass, of pasting back and of regions are parameters of one cmdlet alone.
        string pages = Path.Combine(Repository.Root, "docs", "en-US");
        string[] sections =
        [
            .. File.ReadAllText(Path.Combine(pages, "shared", "Parameters.md")).Split("\n## -"),
            .. File.ReadAllText(Path.Combine(pages, "New-DiffusionImage.md")).Split("\n### -").Where(static section => section.StartsWith("Refiner", StringComparison.Ordinal) || section.StartsWith("Hires", StringComparison.Ordinal) || section.StartsWith("Soft", StringComparison.Ordinal) || section.StartsWith("Detail", StringComparison.Ordinal)),
        ];
        foreach (Setting row in SettingTable.Rows.Where(row => row is { Minimum: not null, Maximum: < int.MaxValue }))
        {
            string text = Assert.Single(sections, section => section.StartsWith(row.Name + "\n", StringComparison.Ordinal));
            string range = row.ExcludesMinimum ? $"above {row.Minimum} and up to {row.Maximum}" : $"{row.Minimum} to {row.Maximum}";
            Assert.Contains(range, text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Every_key_of_the_infotext_is_that_of_one_setting()
    {
        string[] keys = [.. SettingTable.Rows.Select(row => row.Key).OfType<string>()];

        Assert.Equal(keys.Distinct(), keys);
    }

    [Fact]
    public void A_record_leaves_out_what_is_the_default_and_keeps_what_is_not()
    {
        GenerationInfo info = new()
        {
            Width = 64,
            Height = 48,
            ClipSkip = 1,
            GuidanceRescale = 0,
            GuidanceScale = 5,
            RandomSource = "TorchCpu",
            MicroConditioning = new MicroConditioning { OriginalWidth = 64, OriginalHeight = 64, CropTop = 0, AestheticScore = 6 },
        };

        Assert.Equal(
            new GenerationInfo { Width = 64, Height = 48, GuidanceScale = 5, MicroConditioning = new MicroConditioning { OriginalHeight = 64 } },
            SettingTable.WithoutDefaults(info));
    }

    [Fact]
    public void A_record_in_a_file_keeps_the_order_of_its_members()
    {
        GenerationInfo info = new()
        {
            Prompt = "p",
            Seed = 1,
            ResizeMode = "Pad",
            ControlNets = [],
            Width = 64,
            Height = 64,
            Model = "demo",
            Lora = "[]",
            LoraHashes = "a",
            TextualInversion = "[]",
            TextualInversionHashes = "b",
            ModelHash = "c",
        };

        Assert.Equal(
            """{"Prompt":"p","Seed":1,"ResizeMode":"Pad","ControlNets":[],"Width":64,"Height":64,"Model":"demo","Lora":"[]","LoraHashes":"a","TextualInversion":"[]","TextualInversionHashes":"b","ModelHash":"c"}""",
            GenerationRecord.Write(info));
    }
}
