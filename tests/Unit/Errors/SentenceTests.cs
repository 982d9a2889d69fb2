namespace StableDiffusion.Tests.Errors;

public sealed class SentenceTests
{
    [Theory]
    [InlineData("No space left on device", "No space left on device.")]
    [InlineData("No space left on device : '/x'", "No space left on device : '/x'.")]
    [InlineData("Could not find file '/x'.", "Could not find file '/x'.")]
    [InlineData("It failed. \n", "It failed.")]
    public void A_message_of_the_system_ends_with_a_full_stop(string message, string sentence) => Assert.Equal(sentence, Sentence.Of(new IOException(message)));
}
