using StableDiffusion.Adapters;

namespace StableDiffusion.Tests.Adapters;

public sealed class LoraKeyTests
{
    [Theory]
    [InlineData("lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight", "unet", "down_blocks_0_attentions_0_proj_in", "Down")]
    [InlineData("lora_te_text_model_encoder_layers_0_mlp_fc1.alpha", "text_encoder", "text_model_encoder_layers_0_mlp_fc1", "Alpha")]
    [InlineData("lora_te1_text_model_encoder_layers_0_mlp_fc1.lora_up.weight", "text_encoder", "text_model_encoder_layers_0_mlp_fc1", "Up")]
    [InlineData("lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_up.weight", "text_encoder_2", "text_model_encoder_layers_0_mlp_fc1", "Up")]
    [InlineData("unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q.lora_A.weight", "unet", "mid_block_attentions_0_transformer_blocks_0_attn1_to_q", "Down")]
    [InlineData("unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q.lora_B.default.weight", "unet", "mid_block_attentions_0_transformer_blocks_0_attn1_to_q", "Up")]
    [InlineData("text_encoder_2.text_model.encoder.layers.1.self_attn.q_proj.lora_linear_layer.up.weight", "text_encoder_2", "text_model_encoder_layers_1_self_attn_q_proj", "Up")]
    [InlineData("unet.mid_block.attentions.0.transformer_blocks.0.attn1.processor.to_q_lora.down.weight", "unet", "mid_block_attentions_0_transformer_blocks_0_attn1_to_q", "Down")]
    [InlineData("up_blocks.1.attentions.0.transformer_blocks.0.attn2.processor.to_out_lora.up.weight", "unet", "up_blocks_1_attentions_0_transformer_blocks_0_attn2_to_out", "Up")]
    [InlineData("base_model.model.down_blocks.0.resnets.0.conv1.lora_A.weight", "unet", "down_blocks_0_resnets_0_conv1", "Down")]
    [InlineData("lora_unet_input_blocks_4_1_proj_in.hada_w1_a", "unet", "input_blocks_4_1_proj_in", "Hada1A")]
    [InlineData("lora_unet_conv_in.lokr_w2_b", "unet", "conv_in", "Kron2B")]
    [InlineData("lora_unet_conv_in.lokr_t2", "unet", "conv_in", "Kron2Core")]
    [InlineData("lora_unet_conv_in.diff_b", "unet", "conv_in", "BiasDifference")]
    [InlineData("lora_unet_conv_in.dora_scale", "unet", "conv_in", "Magnitude")]
    [InlineData("lora_unet_conv_in.a1.weight", "unet", "conv_in", "GeneralA1")]
    [InlineData("lora_te_text_model_encoder_layers_0_mlp_fc1.b2.weight", "text_encoder", "text_model_encoder_layers_0_mlp_fc1", "GeneralB2")]
    [InlineData("lora_unet_conv_in.on_input", "unet", "conv_in", "OnInput")]
    [InlineData("lora_unet_conv_in.oft_blocks", "unet", "conv_in", "Blocks")]
    [InlineData("oft_unet_conv_in.oft_blocks", "unet", "conv_in", "Blocks")]
    [InlineData("base_model.model.unet.conv_in.oft_R.default.weight", "unet", "conv_in", "InputBlocks")]
    [InlineData("base_model.model.text_model.encoder.fc1.oft_R.weight", "text_encoder", "text_model_encoder_fc1", "InputBlocks")]
    [InlineData("lora_unet_conv_in.oft_diag", "unet", "conv_in", "Rotations")]
    [InlineData("lora_unet_conv_in.rescale", "unet", "conv_in", "RowScales")]
    [InlineData("lora_unet_conv_norm_out.w_norm", "unet", "conv_norm_out", "NormDifference")]
    [InlineData("lora_unet_conv_norm_out.b_norm", "unet", "conv_norm_out", "NormBiasDifference")]
    [InlineData("lora_transformer_single_blocks_0.lora_up.weight", null, "lora_transformer_single_blocks_0", "Up")]
    public void Names_of_all_conventions_are_taken_apart(string name, string? part, string path, string role)
    {
        LoraKey? key = LoraKey.Parse(name);
        Assert.Equal((part, path, role), (key?.Part, key?.Path, key?.Role.ToString()));
    }

    [Theory]
    [InlineData("model.diffusion_model.input_blocks.0.0.weight")]
    [InlineData("lora_unet_conv_in.weight")]
    [InlineData("base_model.model.unet.conv_in.oft_r.default")]
    public void Names_of_other_kinds_are_not(string name) => Assert.Null(LoraKey.Parse(name));

    [Theory]
    [InlineData("input_blocks_4_1_transformer_blocks_0_attn1_to_q", "down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q")]
    [InlineData("input_blocks_0_0", "conv_in")]
    [InlineData("input_blocks_3_0_op", "down_blocks_0_downsamplers_0_conv")]
    [InlineData("input_blocks_7_0_in_layers_2", "down_blocks_2_resnets_0_conv1")]
    [InlineData("input_blocks_7_0_skip_connection", "down_blocks_2_resnets_0_conv_shortcut")]
    [InlineData("middle_block_1_transformer_blocks_9_ff_net_0_proj", "mid_block_attentions_0_transformer_blocks_9_ff_net_0_proj")]
    [InlineData("middle_block_2_emb_layers_1", "mid_block_resnets_1_time_emb_proj")]
    [InlineData("output_blocks_2_2_conv", "up_blocks_0_upsamplers_0_conv")]
    [InlineData("output_blocks_5_0_out_layers_3", "up_blocks_1_resnets_2_conv2")]
    [InlineData("output_blocks_0_1_proj_out", "up_blocks_0_attentions_0_proj_out")]
    [InlineData("time_embed_2", "time_embedding_linear_2")]
    [InlineData("label_emb_0_0", "add_embedding_linear_1")]
    [InlineData("out_2", "conv_out")]
    [InlineData("down_blocks_0_attentions_0_proj_in", null)]
    public void Layers_in_the_words_of_latent_diffusion_are_translated(string path, string? expected) =>
        Assert.Equal(expected, new LdmPaths(layersPerBlock: 2).ToDiffusers(path));
}
