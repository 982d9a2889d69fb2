using System.Collections;
using System.Globalization;
using SdPowerShell.Parameters;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;

namespace StableDiffusion.Tests.Settings;

/// <summary>Settings with several values as the text of one cell of a table, which can be read back.</summary>
public sealed class SettingTextTests
{
    [Fact]
    public void A_list_is_the_text_of_a_cell()
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = new CultureInfo("de-DE");
            Assert.Equal("0.5; 1; 0.1", SettingList<double>.Of([0.5, 1, 0.1])!.ToString());
            Assert.Equal(["style:0.8", "detail"], Cell.Items(SettingList<string>.Of(["style:0.8", "detail"])!.ToString()));
            Assert.Null(SettingList<string>.Of(null));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Theory]
    [InlineData("""{"eta":0.5,"timestep_spacing":"trailing","use_karras_sigmas":true}""", "eta=0.5; timestep_spacing=trailing; use_karras_sigmas=True")]
    [InlineData("""{"timesteps":[999,500.5,1]}""", "timesteps=999, 500.5, 1")]
    public void Options_of_a_scheduler_are_the_text_of_a_cell(string json, string text)
    {
        SchedulerOptionTable options = SchedulerOptionText.Read(json)!;
        Assert.Equal(text, options.ToString());

        Hashtable read = (Hashtable)new SchedulerOptionAttribute().Transform(null!, text)!;
        foreach ((string name, object? value) in options)
        {
            SchedulerOption option = SchedulerCatalog.All.SelectMany(scheduler => scheduler.Options).First(option => option.Name == name);
            Assert.True(option.TryParse(value!, out object expected));
            Assert.True(option.TryParse(read[name]!, out object actual));
            Assert.Equal(expected, actual);
        }
    }
}
