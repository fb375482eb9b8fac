//! Chat template tokens: removed around the model's own turn, where a server does not remove them.

/// Tokens that begin the model's turn, with the role where the template has one.
const STARTS: [&str; 22] = [
    "<|start_header_id|>assistant<|end_header_id|>",
    "<|im_start|>assistant",
    "<start_of_turn>model",
    "<|start|>assistant",
    "<|begin_of_text|>",
    "<|start_of_turn_token|>",
    "<|chatbot_token|>",
    "<|start_response|>",
    "<|begin_of_solution|>",
    "<|begin_of_box|>",
    "<|assistant|>",
    "<｜assistant｜>",
    "<｜begin▁of▁sentence｜>",
    "<|im_start|>",
    "<|message|>",
    "[/inst]",
    "<answer>",
    "<response>",
    "<output>",
    "<bos>",
    "<s>",
    "<|bos|>",
];
/// Tokens that end the model's turn, or begin another turn.
const ENDS: [&str; 33] = [
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|end_of_turn|>",
    "<|end_of_turn_token|>",
    "<|end_response|>",
    "<|end_of_solution|>",
    "<|end_of_box|>",
    "<|endofturn|>",
    "<|return|>",
    "<|call|>",
    "<|end|>",
    "<|eos|>",
    "<|user|>",
    "<|system|>",
    "<|observation|>",
    "<|im_sep|>",
    "<|start_header_id|>",
    "<|im_start|>",
    "<|start|>",
    "<｜end▁of▁sentence｜>",
    "<｜user｜>",
    "<end_of_turn>",
    "<start_of_turn>",
    "</s>",
    "<eos>",
    "[inst]",
    "[/inst]",
    "</answer>",
    "</response>",
    "</output>",
];

/// The model's own turn, without the tokens around it.
pub(super) fn strip_template_tokens(text: &str) -> &str {
    // ASCII lower case alone, so that byte positions in both texts are the same.
    let lower = text.to_ascii_lowercase();
    let mut begin = 0;
    loop {
        begin += lower[begin..].len() - lower[begin..].trim_start().len();
        let rest = &lower[begin..];
        let token = STARTS.iter().chain(&ENDS).find(|token| rest.starts_with(**token));
        match token {
            Some(token) => begin += token.len(),
            None => break,
        }
    }
    let end = ENDS.iter().filter_map(|token| lower[begin..].find(token)).min();
    text[begin..end.map_or(text.len(), |end| begin + end)].trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn template_tokens_are_removed_from_the_answer() {
        for text in [
            "a man in red",
            "a man in red<|im_end|>",
            "<s> a man in red</s>",
            "[/INST] a man in red</s><s>[INST] and Vorlan?",
            "<|im_start|>assistant\na man in red<|im_end|>\n<|im_start|>user\nQ: more",
            "<|start_header_id|>assistant<|end_header_id|>\n\na man in red<|eot_id|>",
            "<start_of_turn>model\na man in red<end_of_turn>",
            "<|begin_of_box|>a man in red<|end_of_box|>",
            "<｜Assistant｜>a man in red<｜end▁of▁sentence｜>",
            "<answer>a man in red</answer>",
            "a man in red<|end|><|user|>why?",
            "<|eot_id|><|start_header_id|>assistant<|end_header_id|>a man in red",
        ] {
            assert_eq!(strip_template_tokens(text), "a man in red", "{text}");
        }
        assert_eq!(strip_template_tokens("<|im_end|>"), "");
    }
}
